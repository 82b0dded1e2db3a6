"""The pooling layers: largest number, and mean, of each window of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from visualbp.core.arrays import Shape
from visualbp.core.options import IntOption, Option
from visualbp.core.pytorch_code import LayerCode, LayerContext
from visualbp.core.ref import Ref
from visualbp.layers.base import LayerType, Options, layer_types
from visualbp.layers.conv2d import LARGEST_KERNEL, image_of_windows
from visualbp.layers.lowering import Lowering, Node
from visualbp.operations.pooling import AveragePooling, MaxPooling, Pooling

KERNEL = IntOption("kernel", 2, "height and width of a window", maximum=LARGEST_KERNEL)


def _stride(default: int) -> IntOption:
    return IntOption("stride", default, "how far a window moves at a time: as far as it is wide, if not given")


class PoolingLayer(LayerType):
    """One pooling of images (channels, height, width). The stride is the kernel's size unless it is given."""

    family = "affine"
    operation: type[Pooling]
    pytorch: ClassVar[str]
    """PyTorch's module."""
    icon = "layer_pool"
    options = (KERNEL, _stride(2))

    def options_for(self, given: Options) -> tuple[Option, ...]:
        kernel = given.get("kernel", KERNEL.default)
        whole = isinstance(kernel, int) and not isinstance(kernel, bool) and 1 <= kernel <= KERNEL.maximum
        return (KERNEL, _stride(kernel)) if whole else self.options

    def output_shape(self, options: Options, inputs: Sequence[Shape]) -> Shape:
        return (inputs[0][0], *image_of_windows(inputs[0], options["kernel"], options["stride"]))

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        h = Ref(name, "h")
        operation = self.operation(options["kernel"], options["stride"])
        return Lowering((Node(name, operation, (inputs[0],), h),), h)

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        kernel, stride = context.options["kernel"], context.options["stride"]
        further = f", stride={stride}" if stride != kernel else ""
        return LayerCode(context.module_call, f"nn.{self.pytorch}({kernel}{further})")

    def summary(self, options: Options) -> str:
        return f"{self.label}  {options['kernel']} x {options['kernel']}"


class MaxPool2d(PoolingLayer):
    """h = the largest number of each window, channel by channel, as PyTorch's MaxPool2d."""

    type_name, label, operation = "max_pool2d", "Max pooling", MaxPooling
    pytorch = "MaxPool2d"
    order = 14
    description = "Keeps the largest number of each window; the gradient goes to that number alone."


class AvgPool2d(PoolingLayer):
    """h = the mean of each window, channel by channel, as PyTorch's AvgPool2d."""

    type_name, label, operation = "avg_pool2d", "Average pooling", AveragePooling
    pytorch = "AvgPool2d"
    order = 15
    description = "Keeps the mean of each window; the gradient is shared out evenly."


layer_types.register(MaxPool2d())
layer_types.register(AvgPool2d())
