"""The LSTM: a recurrent layer whose gates say what its cell forgets, takes in and shows."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from visualbp.core.arrays import Shape
from visualbp.core.pytorch_code import LayerCode, LayerContext, ModuleClass
from visualbp.core.ref import Ref
from visualbp.layers.base import Options, layer_types
from visualbp.layers.lowering import Lowering, Node
from visualbp.layers.recurrent import RETURN_SEQUENCE, STARTS, UNITS, RecurrentLayer, lowering_of_steps
from visualbp.operations.activations.elementwise import Sigmoid, Tanh
from visualbp.operations.cell_state import CellState
from visualbp.operations.combination import Multiply
from visualbp.operations.gates import GatePart, StartState
from visualbp.operations.recurrence import RecurrentAffine
from visualbp.operations.time_steps import TimeSlice

GATES = {"i": Sigmoid, "f": Sigmoid, "g": Tanh, "o": Sigmoid}
"""What makes each gate, and the candidate g, of its z; in the order in which they lie in the weights, as in PyTorch."""

MODULE = ModuleClass(
    "LongShortTermMemory",
    '''\
class LongShortTermMemory(nn.Module):
    """As nn.LSTM, from a state and a cell of 0, with one bias instead of two; x (batch, T, inputs)."""

    def __init__(self, inputs: int, units: int, return_sequence: bool = False) -> None:
        super().__init__()
        self.weight_input = nn.Parameter(torch.zeros(4 * units, inputs))
        self.weight_hidden = nn.Parameter(torch.zeros(4 * units, units))
        self.bias = nn.Parameter(torch.zeros(4 * units))
        self.return_sequence = return_sequence

    def forward(self, x: Tensor) -> Tensor:
        cell = state = x.new_zeros(len(x), self.weight_hidden.shape[1])
        states = []
        for driven in functional.linear(x, self.weight_input, self.bias).unbind(1):
            i, f, g, o = (driven + functional.linear(state, self.weight_hidden)).chunk(4, 1)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            state = torch.sigmoid(o) * torch.tanh(cell)
            states.append(state)
        return torch.stack(states, 1) if self.return_sequence else state''',
)
"""The layer in PyTorch, whose own LSTM has two biases: each would be trained."""


class Lstm(RecurrentLayer):
    """As PyTorch's LSTM of one layer, its two biases in one. At each time step t:

        z[t] = x[t] @ weight_input.T + h[t-1] @ weight_hidden.T + bias     for all gates in one product
        z_i[t], z_f[t], z_g[t], z_o[t]                                     its four parts
        i, f, o = sigmoid of their parts; g = tanh of its own              the gates, and the candidate
        c[t] = f[t] * c[t-1] + i[t] * g[t]                                 the cell
        h[t] = o[t] * s[t], where s[t] = tanh(c[t])                        the state

    Before the first, state and cell are 0 (`start[0]`). Backwards in time there are two ways: through the weights to
    h[t-1], and through the forget gate alone to c[t-1].
    """

    type_name, label, icon = "lstm", "LSTM", "layer_lstm"
    order = 53
    description = "Reads a sequence step by step; gates decide what its cell forgets, takes in and shows."
    operations_of_a_step = 14
    options = (UNITS, RETURN_SEQUENCE, *STARTS)
    gates = len(GATES)
    featured = ("c",)
    value_words = MappingProxyType(
        {
            "start": "start state",
            "z_i": "z of the input gate",
            "z_f": "z of the forget gate",
            "z_g": "z of the candidate",
            "z_o": "z of the output gate",
            "i": "input gate",
            "f": "forget gate",
            "g": "candidate",
            "o": "output gate",
            "c": "cell",
            "s": "squashed cell",
        }
    )

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        shared = tuple(Ref(name, role) for role in ("weight_input", "weight_hidden", "bias"))
        state = cell = start = Ref(name, "start", 0)
        nodes: list[Node] = []
        states: list[Ref] = []
        pre_activations: list[Ref] = []
        for time in range(shapes[0][0]):
            x, z, i, f, g, o, c, s, h = (Ref(name, role, time) for role in "xzifgocsh")
            nodes.append(Node(name, TimeSlice(time), (inputs[0],), x))
            if time == 0:
                nodes.append(Node(name, StartState(options["units"]), (x,), start))
            nodes.append(Node(name, RecurrentAffine(), (x, *shared, state), z))
            for place, (gate, activation) in enumerate(GATES.items()):
                own = Ref(name, f"z_{gate}", time)
                nodes.append(Node(name, GatePart(place, len(GATES)), (z,), own))
                nodes.append(Node(name, activation(), (own,), Ref(name, gate, time)))
            nodes.append(Node(name, CellState(), (f, cell, i, g), c))
            nodes.append(Node(name, Tanh(), (c,), s))
            nodes.append(Node(name, Multiply(), (o, s), h))
            pre_activations.append(z)
            states.append(h)
            state, cell = h, c
        return lowering_of_steps(nodes, states, pre_activations, options["return_sequence"])

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        given = [str(context.shapes[0][1]), str(context.options["units"])]
        given += ["return_sequence=True"] if context.options["return_sequence"] else []
        return LayerCode(context.module_call, f"{MODULE.name}({', '.join(given)})", carried=MODULE)


layer_types.register(Lstm())
