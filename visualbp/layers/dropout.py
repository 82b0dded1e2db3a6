"""The dropout layer."""

from __future__ import annotations

from collections.abc import Sequence

from visualbp.core.arrays import Shape
from visualbp.core.options import FloatOption
from visualbp.core.pytorch_code import LayerCode, LayerContext, ModuleClass
from visualbp.core.ref import Ref
from visualbp.layers.base import LayerType, Options, layer_types
from visualbp.layers.lowering import Lowering, Node
from visualbp.operations.dropout import Dropout

SEEDED_DROPOUT = ModuleClass(
    "SeededDropout",
    '''\
class SeededDropout(nn.Module):
    """Dropout with the masks of visualbp, drawn from (seed, iteration, layer), so that the losses are the same.

    PyTorch's own masks are others: with nn.Dropout(rate) in its place the losses differ from visualbp's.
    """

    def __init__(self, rate: float, stream: int) -> None:
        super().__init__()
        self.rate, self.stream = rate, stream
        self.iteration, self.size, self.places = 0, 0, np.zeros(0, int)

    def prepare(self, iteration: int, size: int, places: np.ndarray) -> None:
        """Say what comes next: the samples at `places` of an iteration's batch of `size` samples."""
        self.iteration, self.size, self.places = iteration, size, places

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        drawn = generator(self.stream, self.iteration).random((self.size, *x.shape[1:]))
        kept = torch.from_numpy(drawn[self.places] >= self.rate)
        return x * (kept.to(x.dtype) / (1.0 - self.rate))''',
    draws=True,
)
"""The layer in PyTorch, whose own dropout draws other masks."""


class DropoutLayer(LayerType):
    """h = mask * x / (1 - rate) while training, where the mask is 0 with the probability `rate`; h = x otherwise."""

    family = "noise"
    type_name, label, icon = "dropout", "Dropout", "layer_dropout"
    order = 30
    description = "Switches units off at random while training, so that none is relied on."
    options = (FloatOption("rate", 0.5, "the share that is switched off", minimum=0.0, maximum=1.0, open_maximum=True),)

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        h = Ref(name, "h")
        return Lowering((Node(name, Dropout(options["rate"]), (inputs[0],), h),), h)

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        make = f"SeededDropout({context.options['rate']!r}, stream={context.stream_of(Dropout.name):#x})"
        return LayerCode(context.module_call, make, carried=SEEDED_DROPOUT)

    def summary(self, options: Options) -> str:
        return f"{self.label}  {options['rate']:g}"


layer_types.register(DropoutLayer())
