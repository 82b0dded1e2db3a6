"""Which values of a plan share memory, so that nothing is copied between a sequence and its time steps: in whose buffer
each time step lies, and which sequences lie in memory time step by time step.

Every time step of such a sequence is an array of its own in row-major order, as rules expect it. The sequence is that
memory with its axes exchanged, where all that touch it take it so; otherwise it has a buffer of its own, and one copy.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from visualbp.core.arrays import size_of
from visualbp.core.ref import Ref
from visualbp.engine.plan import Phase, Plan, Step
from visualbp.operations.time_steps import Stack, TimeSlice

FEWEST_PARTS = 4
"""From so many parts, a sum in one go is quicker than one after the other."""


@dataclass
class TimeMemory:
    """`steps` says of a value which time step of which sequence it is a view of. `time_major` are the sequences that
    have memory of their own, time step by time step, and `exchanged` those of them that are that memory; the others are
    copied from it when they are put together. `sums` are the parts, in order, of gradients that all time steps share.
    """

    steps: dict[Ref, tuple[Ref, int]] = field(default_factory=dict)
    time_major: set[Ref] = field(default_factory=set)
    exchanged: set[Ref] = field(default_factory=set)
    sums: dict[Ref, tuple[Ref, ...]] = field(default_factory=dict)


def time_memory(plan: Plan, buggy: Collection[int]) -> TimeMemory:
    """Return what shares memory in a plan. Steps whose rule is not the operation's own (`buggy`) share none."""
    memory, touching = TimeMemory(), _touching(plan)
    written = Counter(value for step in plan.steps for value in step.writes)
    candidates = [found for step in plan.steps if step.index not in buggy for found in _time_steps(step)]
    left_alone = {value for index in buggy for value in _touched(plan.steps[index])}
    sequences = {sequence for sequence, _, _, _ in candidates}
    free = {one for one in sequences if all(_takes_any_order(step, one) for step in touching[one])}
    for sequence, time, value, together in candidates:
        if value in memory.steps or value in sequences or {value, sequence} & left_alone:
            continue
        if written[value] != 1 or written[sequence] != 1:
            continue
        if together or sequence in free:
            memory.time_major.add(sequence)
        elif sequence in memory.time_major or not _is_for_sums_alone(value, touching[value]):
            continue  # rows that lie apart are for sums alone
        if sequence in free:
            memory.exchanged.add(sequence)
        memory.steps[value] = sequence, time
    for step in plan.steps:
        if step.operation == "accumulate" and _are_parts_of_time_steps(plan, step):
            memory.sums[step.writes[0]] = step.reads
    return memory


def _touching(plan: Plan) -> dict[Ref, list[Step]]:
    touching: dict[Ref, list[Step]] = defaultdict(list)
    for step in plan.steps:
        for value in _touched(step):
            touching[value].append(step)
    return touching


def _touched(step: Step) -> set[Ref]:
    """Return what a step reads and writes. On a stack's way back its operands, one for each time step, stay out of it:
    they would make it slow to tell, and the rule does not look at them."""
    looks_back = step.node is not None and isinstance(step.node.operation, Stack) and step.phase == Phase.BACKWARD
    return {*step.reads[: 1 if looks_back else None], *step.writes}


def _time_steps(step: Step) -> list[tuple[Ref, int, Ref, bool]]:
    """Return what a step takes out of a sequence or puts together into one: the sequence, the time, the value there,
    and whether it is put together."""
    if not step.writes:
        return []
    operation, made = step.node.operation if step.node else None, step.writes[0]
    if step.operation == "gather" or (isinstance(operation, Stack) and step.phase == Phase.FORWARD):
        return [(made, time, value, True) for time, value in enumerate(step.reads)]
    if isinstance(operation, Stack):
        return [(step.reads[0], step.operand, made, False)]
    if isinstance(operation, TimeSlice):
        return [(step.reads[0], operation.index, made, False)]
    return []


def _takes_any_order(step: Step, sequence: Ref) -> bool:
    """Return whether a step does the same in whatever order the axes of a sequence lie in memory."""
    if step.node is None:
        return step.operation in ("load", "gather", "accumulate")
    operation = step.node.operation
    if step.phase == Phase.FORWARD and step.node.output == sequence:
        return operation.output_in_any_order
    return isinstance(operation, TimeSlice | Stack)


def _is_for_sums_alone(value: Ref, touching: Sequence[Step]) -> bool:
    return all(step.operation == "accumulate" or step.writes[0] == value for step in touching)


def _are_parts_of_time_steps(plan: Plan, step: Step) -> bool:
    """Return whether a step sums what many time steps send back to what they share. A single number is not summed in
    one go: NumPy would add its parts in another order."""
    value = step.writes[0]
    return (
        len(step.reads) >= FEWEST_PARTS
        and all(part.is_from_own_time_step for part in step.reads)
        and value not in plan.batched
        and size_of(plan.shapes[value]) > 1
    )
