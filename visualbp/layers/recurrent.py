"""What all recurrent layers share: they read a sequence step by step, with the same weights at each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from visualbp.core.arrays import Shape, shape_text
from visualbp.core.options import LARGEST_SIZE, BoolOption, EntryOption, IntOption
from visualbp.core.ref import Ref
from visualbp.initializers import initializers
from visualbp.layers.base import LayerType, Options, ParameterSpec, ShapeError
from visualbp.layers.lowering import Lowering, Node
from visualbp.operations.time_steps import Stack

LONGEST_SEQUENCE = 1000
"""Every time step is a handful of operations to step through."""

NO_ALIASES: Mapping[Ref, Ref] = MappingProxyType({})

UNITS = IntOption("units", description="how many numbers the state has")
RETURN_SEQUENCE = BoolOption("return_sequence", False, "whether the states of all steps go on, or the last alone")
STARTS = (
    EntryOption(
        "weight_input_init",
        "glorot_uniform",
        "what W for the input is drawn from",
        "W input initialiser",
        initializers,
    ),
    EntryOption(
        "weight_hidden_init",
        "orthogonal",
        "what W for the state is drawn from",
        "W hidden initialiser",
        initializers,
    ),
    EntryOption("bias_init", "zeros", "what b is drawn from", "Bias initialiser", initializers),
)


class RecurrentLayer(LayerType):
    """A layer that takes sequences (T, n), and has values of its own at each time step, such as `z[t]` and `h[t]`.

    Its `h` is the last state, or with `return_sequence` all of them, (T, units).
    """

    family = "affine"
    unrolls = True
    operations_of_a_step = 4
    starting_options: ClassVar[Options] = {"units": 8}
    gates: ClassVar[int] = 1
    """How many gates, or other parts, the rows of its weights are for, `units` rows each."""
    biases: ClassVar[tuple[str, ...]] = ("bias",)

    def output_shape(self, options: Options, inputs: Sequence[Shape]) -> Shape:
        if len(inputs[0]) != 2:
            raise ShapeError(
                f"takes sequences (time steps, features), gets {shape_text(inputs[0])}",
                "put an embedding before it, or give the input layer a shape such as 10, 3",
            )
        (steps, features), units = inputs[0], options["units"]
        if steps > LONGEST_SEQUENCE:
            raise ShapeError(
                f"gets a sequence of {steps:,} time steps; {LONGEST_SEQUENCE:,} is the most", "use shorter sequences"
            )
        parts = steps * self.gates * units * (features + units)
        if parts > LARGEST_SIZE:
            raise ShapeError(
                f"would send back {parts:,} numbers for its weights, a part for each of {steps} time steps;"
                f" {LARGEST_SIZE:,} is the most",
                "use fewer units or shorter sequences",
            )
        return (steps, units) if options["return_sequence"] else (units,)

    def parameters(self, options: Options, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        units, rows = options["units"], self.gates * options["units"]
        return (
            ParameterSpec("weight_input", (rows, inputs[0][1]), options["weight_input_init"], penalised=True),
            ParameterSpec("weight_hidden", (rows, units), options["weight_hidden_init"], penalised=True),
            *(ParameterSpec(name, (rows,), options["bias_init"], penalised=False) for name in self.biases),
        )


def lowering_of_steps(
    nodes: Sequence[Node],
    states: Sequence[Ref],
    pre_activations: Sequence[Ref],
    sequence: bool,
    aliases: Mapping[Ref, Ref] = NO_ALIASES,
) -> Lowering:
    """Return a layer whose output is all of its `states` as a `sequence`, or the last alone.

    Where it is the last, z and h without a time mean those of the last time step.
    """
    output, z = Ref(states[0].layer, "h"), Ref(states[0].layer, "z")
    if sequence:
        stacked = Node(output.layer, Stack(), tuple(states), output)
        return Lowering((*nodes, stacked), output, aliases, tuple(pre_activations))
    last = {output: states[-1], z: pre_activations[-1]}
    gradients = {name.gradient: value.gradient for name, value in last.items()}
    return Lowering(tuple(nodes), states[-1], {**aliases, **last, **gradients}, tuple(pre_activations))
