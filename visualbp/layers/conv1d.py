"""The convolutional layer on sequences: filters slid along them, then an activation."""

from __future__ import annotations

from typing import ClassVar

from visualbp.core.arrays import Shape, shape_text
from visualbp.layers.base import Options, ShapeError, layer_types
from visualbp.layers.conv2d import ConvolutionLayer, convolution_options
from visualbp.operations.windows import windows_along

POSITIONS, PLACES = ("channel", "position"), ("filter", "channel", "place")


class Conv1d(ConvolutionLayer):
    """On sequences (channels, length), as PyTorch's Conv1d and then the activation.

    The channels come first, as in images: a sequence of vectors (time steps, features) is to be given turned.
    """

    type_name, label, icon = "conv1d", "1D convolution", "layer_conv1d"
    order = 13
    description = "Slides filters along a sequence (channels first): the same few weights look at every position."
    options = convolution_options("how many positions a filter covers", "how many zeros are put at both ends")
    axes: ClassVar = {
        "z": POSITIONS,
        "h": POSITIONS,
        "weight": PLACES,
        "weight_direction": PLACES,
        "bias": ("filter",),
    }
    channels_first = True
    pytorch, sample, shorter = "Conv1d", "sequence", "a shorter sequence"

    def places(self, options: Options, shape: Shape) -> Shape:
        if len(shape) != 2:
            raise ShapeError(
                f"takes sequences (channels, length), gets {shape_text(shape)}",
                "give the input layer a shape such as 1, 8",
            )
        (_, length), kernel, padding = shape, options["kernel"], options["padding"]
        if kernel > length + 2 * padding:
            around = f" with {padding} of padding at both ends" if padding else ""
            raise ShapeError(
                f"its kernel of {kernel} is longer than the sequence, {length}{around}",
                f"use a kernel of at most {length + 2 * padding}",
                ("kernel", length + 2 * padding),
            )
        return (windows_along(length, kernel, options["stride"], padding),)

    def summary(self, options: Options) -> str:
        return f"{options['kernel']}-wide convolution  {options['activation'].type}"


layer_types.register(Conv1d())
