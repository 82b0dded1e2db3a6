"""The GRU: a recurrent layer whose gates say how much of its state it looks at, and how much of it stays."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from visualbp.core.arrays import Shape
from visualbp.core.pytorch_code import LayerCode, LayerContext
from visualbp.core.ref import Ref
from visualbp.layers.base import Options, layer_types
from visualbp.layers.lowering import Lowering, Node
from visualbp.layers.recurrent import RETURN_SEQUENCE, STARTS, UNITS, RecurrentLayer, lowering_of_steps
from visualbp.operations.activations.elementwise import Sigmoid, Tanh
from visualbp.operations.affine import Affine
from visualbp.operations.combination import Add, Multiply
from visualbp.operations.gates import GatePart, StartState
from visualbp.operations.time_steps import TimeSlice
from visualbp.operations.update_gate import UpdatedState

RESET, UPDATE, CANDIDATE = (GatePart(place, 3) for place in range(3))
"""The parts in the order in which they lie in the weights, as in PyTorch."""

PYTORCH_NAMES = {
    "weight_input": "weight_ih_l0",
    "weight_hidden": "weight_hh_l0",
    "bias_input": "bias_ih_l0",
    "bias_hidden": "bias_hh_l0",
}


class Gru(RecurrentLayer):
    """As PyTorch's GRU of one layer, whose update gate z is u here. At each time step t:

        z[t] = x[t] @ weight_input.T + bias_input          what the input gives gates and candidate, in one product
        s[t] = h[t-1] @ weight_hidden.T + bias_hidden      what the state gives them
        r[t] = sigmoid(z_r[t]), z_r = z + s of its part    the reset gate
        u[t] = sigmoid(z_u[t]), z_u = z + s of its part    the update gate
        m[t] = r[t] * s_n[t], s_n = s of its part          what the reset gate lets the candidate see of the state
        n[t] = tanh(z_n[t]), z_n = x_n + m, x_n = z of ..  the candidate
        h[t] = (1 - u[t]) * n[t] + u[t] * h[t-1]           the state

    Before the first, the state is 0 (`start[0]`). As z is added to each of z_r, z_u and z_n, its gradient holds the
    error signals of all three side by side. Backwards in time there are two ways: through the weights, and through the
    update gate alone.
    """

    type_name, label, icon = "gru", "GRU", "layer_gru"
    order = 54
    description = "Reads a sequence step by step; gates decide what it sees of its state, and what of it stays."
    operations_of_a_step = 14
    options = (UNITS, RETURN_SEQUENCE, *STARTS)
    gates = 3
    biases = ("bias_input", "bias_hidden")
    value_words = MappingProxyType(
        {
            "start": "start state",
            "s": "part from the state",
            "z_r": "z of the reset gate",
            "z_u": "z of the update gate",
            "z_n": "z of the candidate",
            "r": "reset gate",
            "u": "update gate",
            "x_n": "part from the input for the candidate",
            "s_n": "part from the state for the candidate",
            "m": "part from the state past the reset gate",
            "n": "candidate",
        }
    )

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        weight_input, weight_hidden, bias_input, bias_hidden = (Ref(name, role) for role in PYTORCH_NAMES)
        state = start = Ref(name, "start", 0)
        nodes: list[Node] = []
        states: list[Ref] = []
        pre_activations: list[Ref] = []
        for time in range(shapes[0][0]):
            x, z, s, r, u, m, n, h = (Ref(name, role, time) for role in "xzsrumnh")
            z_r, z_u, x_n, s_n, z_n = (Ref(name, role, time) for role in ("z_r", "z_u", "x_n", "s_n", "z_n"))
            nodes.append(Node(name, TimeSlice(time), (inputs[0],), x))
            if time == 0:
                nodes.append(Node(name, StartState(options["units"]), (x,), start))
            nodes += [
                Node(name, Affine(), (x, weight_input, bias_input), z),
                Node(name, Affine(), (state, weight_hidden, bias_hidden), s),
                Node(name, RESET, (z, s), z_r),
                Node(name, Sigmoid(), (z_r,), r),
                Node(name, UPDATE, (z, s), z_u),
                Node(name, Sigmoid(), (z_u,), u),
                Node(name, CANDIDATE, (z,), x_n),
                Node(name, CANDIDATE, (s,), s_n),
                Node(name, Multiply(), (r, s_n), m),
                Node(name, Add(), (x_n, m), z_n),
                Node(name, Tanh(), (z_n,), n),
                Node(name, UpdatedState(), (u, n, state), h),
            ]
            pre_activations.append(z)
            states.append(h)
            state = h
        return lowering_of_steps(nodes, states, pre_activations, options["return_sequence"])

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        features, units = context.shapes[0][1], context.options["units"]
        states = f"{context.module_call}[0]" + ("" if context.options["return_sequence"] else "[:, -1]")
        return LayerCode(states, f"nn.GRU({features}, {units}, batch_first=True)", PYTORCH_NAMES)


layer_types.register(Gru())
