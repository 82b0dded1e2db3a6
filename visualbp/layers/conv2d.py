"""The convolutional layer: filters slid over an image, then an activation. What it shares with conv1d is here too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from visualbp.core.arrays import Shape, shape_text, size_of
from visualbp.core.options import LARGEST_SIZE, BoolOption, EntryOption, IntOption, Option
from visualbp.core.pytorch_code import LayerCode, LayerContext
from visualbp.core.ref import Ref
from visualbp.initializers import initializers
from visualbp.layers.base import LayerType, Options, ParameterSpec, ShapeError, layer_types
from visualbp.layers.lowering import Lowering, Node
from visualbp.layers.weights import WEIGHT_NORM, lower_weight, weight_parameters, weighted_code
from visualbp.operations.activations import activations
from visualbp.operations.convolution import Convolution
from visualbp.operations.windows import windows_along

LARGEST_KERNEL = 64
"""On the way back each place of a window is a call of its own; larger ones would make long lists of them."""


def require_image(shape: Shape) -> None:
    """Raise ShapeError for an input that is not an image, (channels, height, width)."""
    if len(shape) != 3:
        raise ShapeError(
            f"takes images (channels, height, width), gets {shape_text(shape)}",
            "give the input layer a shape such as 1, 8, 8",
        )


def image_of_windows(image: Shape, kernel: int, stride: int, padding: int = 0) -> tuple[int, int]:
    """Return how many windows fit below and beside each other. Raises ShapeError where not even one does."""
    require_image(image)
    _, height, width = image
    if kernel > min(height, width) + 2 * padding:
        around = f" with {padding} of padding on every side" if padding else ""
        raise ShapeError(
            f"its {kernel} x {kernel} kernel is larger than the image, {height} x {width}{around}",
            f"use a kernel of at most {min(height, width) + 2 * padding}",
            ("kernel", min(height, width) + 2 * padding),
        )
    return windows_along(height, kernel, stride, padding), windows_along(width, kernel, stride, padding)


class ConvolutionLayer(LayerType):
    """h = sigma(weight * x + bias): filters slid over all places of x (channels, ...), and then the activation."""

    family = "affine"
    starting_options: ClassVar[Options] = {"filters": 4, "padding": 1, "activation": "relu"}
    pytorch: ClassVar[str]
    """PyTorch's module."""
    sample: ClassVar[str]
    """What x is called: an image, a sequence."""
    shorter: ClassVar[str]
    """What makes it smaller."""

    def places(self, options: Options, shape: Shape) -> Shape:
        """Return how many windows fit along each axis after the channels. Raises ShapeError where not even one does."""
        raise TypeError(f"{self.type_name} does not say where its windows are")

    def output_shape(self, options: Options, inputs: Sequence[Shape]) -> Shape:
        places = self.places(options, inputs[0])
        working = inputs[0][0] * options["kernel"] ** len(places) * size_of(places)
        if working > LARGEST_SIZE:
            raise ShapeError(
                f"laying out the windows of one {self.sample} would take {working:,} numbers; {LARGEST_SIZE:,} is the"
                " most",
                f"use a smaller kernel, a larger stride, or {self.shorter}",
            )
        return (options["filters"], *places)

    def parameters(self, options: Options, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        filters, (channels, *places) = options["filters"], inputs[0]
        shape = (filters, channels, *(options["kernel"] for _ in places))
        weight = weight_parameters(shape, options["weight_init"], options["weight_norm"])
        bias = ParameterSpec("bias", (filters,), options["bias_init"], penalised=False)
        return (*weight, bias) if options["bias"] else weight

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        z, h = Ref(name, "z"), Ref(name, "h")
        made, weight = lower_weight(name, options["weight_norm"])
        operands = (inputs[0], weight, *((Ref(name, "bias"),) if options["bias"] else ()))
        convolution = Node(name, Convolution(options["stride"], options["padding"]), operands, z)
        choice = options["activation"]
        if choice.type == "linear":
            return Lowering((*made, convolution), z, {h: z, h.gradient: z.gradient})
        activation = activations.get(choice.type)(**choice.options)
        return Lowering((*made, convolution, Node(name, activation, (z,), h)), h)

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        options = context.options
        given = [str(context.shapes[0][0]), str(options["filters"]), str(options["kernel"])]
        given += [f"stride={options['stride']}"] if options["stride"] != 1 else []
        given += [f"padding={options['padding']}"] if options["padding"] else []
        given += [] if options["bias"] else ["bias=False"]
        return weighted_code(context, f"nn.{self.pytorch}({', '.join(given)})")


def convolution_options(kernel: str, padding: str) -> tuple[Option, ...]:
    """Return the options of a convolution; the texts say what its kernel and its padding are."""
    return (
        IntOption("filters", description="how many filters, each of them a channel of the output"),
        IntOption("kernel", 3, kernel, maximum=LARGEST_KERNEL),
        IntOption("stride", 1, "how far a filter moves at a time", maximum=1000),
        IntOption("padding", 0, padding, minimum=0, maximum=1000),
        EntryOption("activation", "linear", "the function after the convolution", registry=activations),
        BoolOption("bias", True, "whether each filter has a number that is added"),
        EntryOption(
            "weight_init",
            "glorot_uniform",
            "what the filters are drawn from",
            "Weight initialiser",
            initializers,
        ),
        EntryOption("bias_init", "zeros", "what b is drawn from", "Bias initialiser", initializers),
        WEIGHT_NORM,
    )


class Conv2d(ConvolutionLayer):
    """On images (channels, height, width), as PyTorch's Conv2d and then the activation."""

    type_name, label, icon = "conv2d", "Convolution", "layer_conv2d"
    order = 12
    description = "Slides filters over an image: the same few weights look at every place."
    options = convolution_options("height and width of a filter", "how many zeros are put around the image")
    pytorch, sample, shorter = "Conv2d", "image", "pool the image first"

    def places(self, options: Options, shape: Shape) -> Shape:
        return image_of_windows(shape, options["kernel"], options["stride"], options["padding"])

    def summary(self, options: Options) -> str:
        return f"{options['kernel']} x {options['kernel']} {self.label.lower()}  {options['activation'].type}"


layer_types.register(Conv2d())
