"""Batch normalisation, layer normalisation and group normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from visualbp.core.arrays import Shape, size_of
from visualbp.core.options import Choice, FloatOption, IntOption
from visualbp.core.pytorch_code import LayerCode, LayerContext
from visualbp.core.ref import Ref
from visualbp.layers.base import LayerType, Options, ParameterSpec, ShapeError, layer_types
from visualbp.layers.lowering import Lowering, Node
from visualbp.operations.normalization import BatchNorm, GroupNorm, LayerNorm

ZERO, ONE = Choice("zeros", {}), Choice("constant", {"value": 1.0})
EPSILON = FloatOption("epsilon", 1e-5, "keeps the deviation above 0", minimum=0.0, maximum=1.0, open_minimum=True)

MOST_LISTED = 8
"""Of more numbers of groups that would fit, the first are named."""

ONE_PROCESS_ONLY = (
    "batch norm takes its mean over the whole batch, and each of several processes sees its own share alone"
    " (PyTorch's SyncBatchNorm needs GPUs)"
)
"""Why a program with batch norm trains on one process."""


def _weight_and_bias(shape: Shape) -> tuple[ParameterSpec, ...]:
    return ParameterSpec("weight", shape, ONE, penalised=True), ParameterSpec("bias", shape, ZERO, penalised=False)


class BatchNormLayer(LayerType):
    """As PyTorch's BatchNorm1d and BatchNorm2d: a mean and a deviation for each entry of a sample's first axis.

    That is each unit of a vector, each channel of an image, each position of a sequence.
    """

    family = "norm"
    type_name, label, icon = "batch_norm", "Batch norm", "layer_norm"
    order = 40
    description = (
        "Brings each unit, or each channel of an image, to mean 0 and deviation 1 over the batch, then scales and"
        " shifts it. A bias just before it does nothing."
    )
    options = (
        EPSILON,
        FloatOption("momentum", 0.1, "how far the running statistics move with each batch", minimum=0.0, maximum=1.0),
    )

    def parameters(self, options: Options, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        return _weight_and_bias(inputs[0][:1])

    def buffers(self, options: Options, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        channels = inputs[0][:1]
        mean = ParameterSpec("running_mean", channels, ZERO, penalised=False)
        return mean, ParameterSpec("running_var", channels, ONE, penalised=False)

    def fewest_samples(self, options: Options, inputs: Sequence[Shape]) -> int:
        """Return 2 where a batch of 1 would leave one number for each mean: it would be its own mean, and become 0."""
        return 2 if size_of(inputs[0][1:]) == 1 else 1

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        h = Ref(name, "h")
        running = (Ref(name, "running_mean"), Ref(name, "running_var"))
        operands = (inputs[0], Ref(name, "weight"), Ref(name, "bias"), *running)
        operation = BatchNorm(options["epsilon"], options["momentum"])
        return Lowering((Node(name, operation, operands, h, running),), h)

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        shape, options = context.shapes[0], context.options
        kind = "BatchNorm2d" if len(shape) == 3 else "BatchNorm1d"
        make = f"nn.{kind}({shape[0]}, eps={options['epsilon']!r}, momentum={options['momentum']!r})"
        return LayerCode(context.module_call, make, one_process_only=ONE_PROCESS_ONLY)


class LayerNormLayer(LayerType):
    """As PyTorch's LayerNorm over all axes of a sample; in a sequence (T, n) over the units of each position."""

    family = "norm"
    type_name, label, icon = "layer_norm", "Layer norm", "layer_norm"
    order = 41
    description = (
        "Brings the units of each sample, or of each position of a sequence, to mean 0 and deviation 1, then scales and"
        " shifts them. It does not look at the rest of the batch."
    )
    options = (EPSILON,)

    def parameters(self, options: Options, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        shape = inputs[0]
        return _weight_and_bias(shape[-1:] if len(shape) == 2 else shape)

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        h = Ref(name, "h")
        operands = (inputs[0], Ref(name, "weight"), Ref(name, "bias"))
        return Lowering((Node(name, LayerNorm(options["epsilon"]), operands, h),), h)

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        shape = context.shapes[0]
        over = shape[-1:] if len(shape) == 2 else shape
        axes = str(over[0]) if len(over) == 1 else repr(over)
        return LayerCode(context.module_call, f"nn.LayerNorm({axes}, eps={context.options['epsilon']!r})")


class GroupNormLayer(LayerType):
    """As PyTorch's GroupNorm: a mean and a deviation for each group of a sample's channels.

    Channels are the entries of the first axis: the units of a vector, the channels of an image or of a sequence
    (channels, length). A group of a single number is refused: PyTorch computes it where the batch has several samples,
    but each number would be its own mean, and the output the bias whatever the input is.
    """

    family = "norm"
    type_name, label, icon = "group_norm", "Group norm", "layer_group_norm"
    order = 42
    description = (
        "Brings groups of each sample's channels to mean 0 and deviation 1, then scales and shifts each channel. It"
        " does not look at the rest of the batch."
    )
    starting_options: ClassVar[Options] = {"groups": 1}
    axes: ClassVar = {"h": ("channel", "position"), "weight": ("channel",), "bias": ("channel",)}
    options = (
        IntOption("groups", description="how many groups the channels lie in, all of the same size"),
        EPSILON,
    )

    def output_shape(self, options: Options, inputs: Sequence[Shape]) -> Shape:
        (channels, *places), groups = inputs[0], options["groups"]
        fitting = [count for count in range(1, channels + 1) if channels % count == 0]
        if groups not in fitting:
            raise ShapeError(
                f"cannot put {channels} channels into {groups} groups of the same size",
                f"use a number of groups that divides {channels}: {', '.join(map(str, fitting[:MOST_LISTED]))}"
                + (", ..." if len(fitting) > MOST_LISTED else ""),
                ("groups", max(count for count in fitting if count <= groups)),
            )
        if channels * size_of(tuple(places)) == groups:
            raise ShapeError(
                "each of its groups is a single number, which is its own mean and always becomes 0",
                "use fewer groups" if groups > 1 else "give it more than one number",
            )
        return inputs[0]

    def parameters(self, options: Options, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        return _weight_and_bias(inputs[0][:1])

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        h = Ref(name, "h")
        operands = (inputs[0], Ref(name, "weight"), Ref(name, "bias"))
        return Lowering((Node(name, GroupNorm(options["groups"], options["epsilon"]), operands, h),), h)

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        groups, epsilon = context.options["groups"], context.options["epsilon"]
        return LayerCode(context.module_call, f"nn.GroupNorm({groups}, {context.shapes[0][0]}, eps={epsilon!r})")

    def summary(self, options: Options) -> str:
        groups = options["groups"]
        return f"{self.label}  {groups} groups" if groups > 1 else f"{self.label}  1 group"


for _type in (BatchNormLayer(), LayerNormLayer(), GroupNormLayer()):
    layer_types.register(_type)
