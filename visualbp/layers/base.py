"""The contract of a layer type. The palette, the inspector, files, validation, and the engine all work from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from visualbp.core.arrays import Array, Shape
from visualbp.core.options import Choice, Option
from visualbp.core.pytorch_code import ExportError, LayerCode, LayerContext
from visualbp.core.ref import Ref
from visualbp.core.registry import Registry, import_all
from visualbp.layers.lowering import Lowering

Options = Mapping[str, Any]


class ShapeError(ValueError):
    """Inputs that a layer cannot take. `mend` says what would help; `change` is an option, and a value that would."""

    def __init__(self, message: str, mend: str = "", change: tuple[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mend, self.change = mend, change


@dataclass(frozen=True)
class ParameterSpec:
    """A parameter or a buffer of a layer: its shape, where it starts from, and whether penalties count it.

    Penalties count weights, not biases. `drawn_as` names the random stream that it is drawn from, if not its own: two
    forms of one weight then start alike. `initial`, where there is one, gives the start from the layer's parameters and
    buffers before it, by name.
    """

    name: str
    shape: Shape
    initializer: Choice
    penalised: bool
    drawn_as: str = ""
    initial: Callable[[Mapping[str, Array]], Array] | None = None


class LayerType:
    """One type of layer. Instances have no state; a layer's options come with every call, complete and canonical."""

    type_name: ClassVar[str] = ""
    label: ClassVar[str] = ""
    category: ClassVar[str] = "Layers"
    """The heading in the palette: Layers, Combine, Losses."""
    order: ClassVar[int] = 100
    """The place in the palette under its heading, small numbers first."""
    icon: ClassVar[str] = ""
    family: ClassVar[str] = ""
    """What it does to numbers, which gives it its colour: source, affine, function, norm, noise, combine or loss."""
    description: ClassVar[str] = ""
    options: ClassVar[tuple[Option, ...]] = ()
    fewest_inputs: ClassVar[int] = 1
    most_inputs: ClassVar[int | None] = 1
    """None: any number."""
    starting_options: ClassVar[Options] = {}
    """What a layer fresh from the palette has where an option has no default, or where another value shows more."""
    is_loss: ClassVar[bool] = False
    takes_samples: ClassVar[bool] = False
    """Whether it takes the data themselves, such as class indices, and nothing that another layer computes."""
    axes: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """What the axes of its values and parameters are called, by role, where their number does not tell. For values of
    the batch these are the axes of one sample."""
    channels_first: ClassVar[bool] = False
    """Whether the first axis of a sample are channels, also where it has only one more; those of images always are."""
    unrolls: ClassVar[bool] = False
    """Whether it computes its z and h once for every time step of a sequence, as `z[0]`, `h[0]`, `z[1]`, ..."""
    operations_of_a_step: ClassVar[int] = 0
    """How many operations it has, about, for each time step that it unrolls."""
    value_words: ClassVar[Mapping[str, str]] = {}
    """What its own values are called in sentences, by role, where the role itself does not say it."""
    featured: ClassVar[tuple[str, ...]] = ()
    """Roles of its own values that its card shows beside h, such as what attention looks at."""
    default_name: ClassVar[str] = ""
    """What a new layer is called; the type's name if empty."""

    def options_for(self, given: Options) -> tuple[Option, ...]:
        """Return the options there are, given the values of some: a choice can bring options of its own."""
        return self.options

    def output_shape(self, options: Options, inputs: Sequence[Shape]) -> Shape:
        """Return the shape of one sample's output for inputs of these shapes. Raises ShapeError."""
        return inputs[0]

    def parameters(self, options: Options, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        """Return the parameters, in the order in which files and panels show them."""
        return ()

    def buffers(self, options: Options, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        """Return what the layer keeps from iteration to iteration beside its parameters, such as running statistics.

        Forward steps write them (`Node.updates`); they have no gradient, and files keep them among the parameters.
        """
        return ()

    def fewest_samples(self, options: Options, inputs: Sequence[Shape]) -> int:
        """Return the smallest batch that the layer can be trained on."""
        return 1

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        """Return the layer called `name` as operations on the values `inputs`, whose samples have `shapes`."""
        raise TypeError(f"{self.type_name} does not lower to operations")

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        """Return the layer as code of a PyTorch program that computes the same. Raises ExportError."""
        raise ExportError(f"{context.layer}: layers of the type {self.type_name} have no form in PyTorch")

    def summary(self, options: Options) -> str:
        """Return what the layer's card says under its name."""
        return self.label


layer_types: Registry[LayerType] = Registry("layer type", lambda: import_all("visualbp.layers"))
