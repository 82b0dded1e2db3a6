"""What each step of a plan does, in one sentence."""

from __future__ import annotations

from visualbp.core.ref import Ref
from visualbp.engine.plan import Phase, Plan, Step
from visualbp.layers import Node
from visualbp.operations.words import Words
from visualbp.optimizers.base import make_optimizer
from visualbp.optimizers.schedules import make_schedule

KEPT = ", kept for the way back"
_ROLES = {"h": "activations", "x": "input"}

SHARE = "this path's share of "


def is_share(plan: Plan, value: Ref) -> bool:
    """Return whether a name means what comes back on one path alone, of several that are added up.

    So does the delta of an `activation` layer whose input goes elsewhere too: it is dL/dz as far as z acts through
    this layer.
    """
    part = plan.resolve(value)
    return part.sender is not None and value.sender is None and not part.is_from_own_time_step


def state_time(plan: Plan, node: Node, operand: int) -> int | None:
    """Return the time step after which an operand is the state of the node's layer, its h; None if it is none."""
    value = plan.resolve(node.operands[operand])
    is_state = value.time is not None and value == plan.resolve(Ref(node.layer, "h", value.time))
    return value.time if is_state else None


def words_of(plan: Plan, value: Ref) -> str:
    """Return a value in words: `hidden's z`, `the error signal of output`."""
    value = plan.resolve(value)
    layer, role = value.layer, value.role
    when = "" if value.time is None else f" at time step {value.time}"
    if value == plan.input:
        return f"{layer}'s samples"
    if value.is_delta:
        return f"the error signal of {layer}{when}"
    if value.is_gradient and role == "h" and value.time is None:
        return f"the gradient of {layer}'s activations"
    if value.is_gradient:
        return f"the gradient of {words_of(plan, value.of)}"
    called = _ROLES.get(role) or (plan.network.layer(layer).kind.value_words.get(role) if layer else None)
    if value.time is not None or called:
        return f"{layer}'s {called or role}{when}"
    kind, _, which = role.partition("_")
    name = {"weight": "W", "bias": "b"}.get(kind, kind)
    return f"{layer}'s {name}" + (f" {which}" if which else "")


def _written_in_words(plan: Plan, value: Ref) -> str:
    """Return what a step writes in words; what comes back on one of several paths is a share."""
    of_a_time_step = value.is_from_own_time_step and value.time is None
    on_one_path = value.sender is not None and not of_a_time_step
    return (SHARE if on_one_path else "") + words_of(plan, value)


def sentence_of(plan: Plan, step: Step) -> str:
    """Return one sentence that says what a step does."""
    training = plan.network.training
    target = step.writes[0] if step.writes else Ref("", "")
    words = _written_in_words(plan, target)
    match step.operation:
        case "load":
            return f"A batch of samples comes in at {target.layer}, and its targets go to {step.writes[1].layer}."
        case "accumulate":
            return f"{_opening(words)} is the sum of {_parts(step)}."
        case "gather":
            return f"{_opening(words)} is put together from its {len(step.reads)} time steps."
        case "penalty" if step.phase == Phase.FORWARD:
            return "The penalty on large weights is added to what is minimised."
        case "penalty":
            return f"The penalty adds its own part to {words}: it pulls the weights towards 0."
        case "clip":
            return _clip_sentence(plan)
        case "schedule":
            label = type(make_schedule(training.schedule)).label.lower()
            return f"The schedule ({label}) sets the learning rate of this iteration."
        case "update":
            return make_optimizer(training.optimizer).sentence(words)
    if step.node is None:
        raise ValueError(f"no step is called {step.operation}")
    if step.phase == Phase.FORWARD:
        return _forward_sentence(plan, step.node)
    return _backward_sentence(plan, step, step.node)


def _opening(words: str) -> str:
    return words[0].upper() + words[1:]


def _parts(step: Step) -> str:
    """Return what a gradient is the sum of: paths, or, for weights that all time steps share, time steps."""
    if all(part.is_from_own_time_step for part in step.reads) and step.writes[0].time is None:
        return f"its parts from {len(step.reads)} time steps: backpropagation through time"
    return f"what comes back on {len(step.reads)} paths: the chain rule for several variables"


def _clip_sentence(plan: Plan) -> str:
    clip = plan.network.training.clip
    limit = f"{clip.limit:g}" if clip else ""
    if clip is not None and clip.by == "value":
        return f"Every single gradient beyond {limit} in size is cut to it."
    return f"If all gradients together are longer than {limit}, all are scaled down to that length."


def _role_in_words(plan: Plan, value: Ref) -> str:
    """Return what a value is for its own layer: `z`, `activations`, `z at time step 3`."""
    return words_of(plan, value).removeprefix(f"{value.layer}'s ")


# -- forward ---------------------------------------------------------------------------------------------------------


def _words(plan: Plan, node: Node, result: str, operand: int = -1) -> Words:
    operands = node.operands
    return Words(
        node.layer,
        [words_of(plan, value) for value in operands],
        [_role_in_words(plan, value) for value in operands],
        [plan.resolve(value) in plan.batched for value in operands],
        [state_time(plan, node, place) for place in range(len(operands))],
        words_of(plan, node.output),
        node.output.time,
        result,
        len(plan.shapes[plan.resolve(operands[0])]),
        operand,
    )


def _forward_sentence(plan: Plan, node: Node) -> str:
    kept = KEPT if plan.resolve(node.output) in plan.read_on_the_way_back else ""
    words = _words(plan, node, f"that is its {_role_in_words(plan, node.output)}{kept}")
    return node.operation.sentence(words)


# -- backward --------------------------------------------------------------------------------------------------------


def _backward_sentence(plan: Plan, step: Step, node: Node) -> str:
    words = _words(plan, node, _written_in_words(plan, step.writes[0]), step.operand)
    what, opening = node.operation.vjp_sentence(words), _opening(words_of(plan, node.output.gradient))
    if node.output == plan.loss:
        return f"The way back begins at {node.layer}: {what}."
    return f"{opening}{'' if what.startswith(',') else ' '}{what}."
