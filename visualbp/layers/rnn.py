"""The recurrent layer, unrolled: every time step is a pair of nodes of its own."""

from __future__ import annotations

from collections.abc import Sequence

from visualbp.core.arrays import Shape
from visualbp.core.options import EntryOption
from visualbp.core.pytorch_code import LayerCode, LayerContext, ModuleClass
from visualbp.core.ref import Ref
from visualbp.layers.base import Options, layer_types
from visualbp.layers.lowering import Lowering, Node
from visualbp.layers.recurrent import RETURN_SEQUENCE, STARTS, UNITS, RecurrentLayer, lowering_of_steps
from visualbp.operations.activations import activations
from visualbp.operations.recurrence import FirstRecurrentAffine, RecurrentAffine
from visualbp.operations.time_steps import TimeSlice

RECURRENT = ModuleClass(
    "Recurrent",
    '''\
class Recurrent(nn.Module):
    """h[t] = activation(x[t] @ weight_input.T + h[t-1] @ weight_hidden.T + bias), from h = 0; x (batch, T, inputs).

    As nn.RNN, with one bias instead of two, and any activation.
    """

    def __init__(
        self, inputs: int, units: int, activation: Callable[[Tensor], Tensor], return_sequence: bool = False
    ) -> None:
        super().__init__()
        self.weight_input = nn.Parameter(torch.zeros(units, inputs))
        self.weight_hidden = nn.Parameter(torch.zeros(units, units))
        self.bias = nn.Parameter(torch.zeros(units))
        self.activation, self.return_sequence = activation, return_sequence

    def forward(self, x: Tensor) -> Tensor:
        state, states = x.new_zeros(len(x), len(self.bias)), []
        for driven in functional.linear(x, self.weight_input, self.bias).unbind(1):
            state = self.activation(driven + functional.linear(state, self.weight_hidden))
            states.append(state)
        return torch.stack(states, 1) if self.return_sequence else state''',
)
"""The layer in PyTorch, whose own RNN has two biases, and tanh and ReLU alone."""


class Rnn(RecurrentLayer):
    """h[t] = sigma(x[t] @ weight_input.T + h[t-1] @ weight_hidden.T + bias), from h = 0; as PyTorch's RNN, its two
    biases in one.

    Takes sequences (T, n). Its values are `x[t]`, `z[t]` and `h[t]` for t = 0 to T-1; its `h` is the last of them, or
    with `return_sequence` all of them, (T, units). All steps share the weights, whose gradient is the sum of the steps'
    parts: that is backpropagation through time.
    """

    type_name, label, icon = "rnn", "Recurrent", "layer_rnn"
    order = 52
    description = "Reads a sequence step by step, and carries a state along."
    options = (
        UNITS,
        EntryOption("activation", "tanh", "the function at each time step", registry=activations),
        RETURN_SEQUENCE,
        *STARTS,
    )

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        shared = tuple(Ref(name, role) for role in ("weight_input", "weight_hidden", "bias"))
        choice = options["activation"]
        nodes: list[Node] = []
        pre_activations = tuple(Ref(name, "z", step) for step in range(shapes[0][0]))
        aliases: dict[Ref, Ref] = {}
        states: list[Ref] = []
        for step in range(shapes[0][0]):
            x, z, h = (Ref(name, role, step) for role in ("x", "z", "h"))
            nodes.append(Node(name, TimeSlice(step), (inputs[0],), x))
            operation = RecurrentAffine() if states else FirstRecurrentAffine()
            nodes.append(Node(name, operation, (x, *shared, *states[-1:]), z))
            if choice.type == "linear":
                aliases.update({h: z, h.gradient: z.gradient})
                states.append(z)
            else:
                nodes.append(Node(name, activations.get(choice.type)(**choice.options), (z,), h))
                states.append(h)
        return lowering_of_steps(nodes, states, pre_activations, options["return_sequence"], aliases)

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        options, choice = context.options, context.options["activation"]
        applied = activations.get(choice.type)(**choice.options).to_pytorch("z", context.functions)
        function = applied.removesuffix("(z)") if applied.endswith("(z)") else f"lambda z: {applied}"
        given = [str(context.shapes[0][1]), str(options["units"]), function]
        given += ["return_sequence=True"] if options["return_sequence"] else []
        return LayerCode(context.module_call, f"Recurrent({', '.join(given)})", carried=RECURRENT)

    def summary(self, options: Options) -> str:
        return f"{self.label}  {options['activation'].type}"


layer_types.register(Rnn())
