"""Modules that an exported program carries along, for layers that PyTorch has in another form or not at all."""

from __future__ import annotations

RECURRENT = '''\
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
        return torch.stack(states, 1) if self.return_sequence else state'''

SELF_ATTENTION = '''\
class SelfAttention(nn.Module):
    """Scaled dot product attention of a sequence x (batch, T, width) with itself, heads side by side in the width.

    As nn.MultiheadAttention, with a projection of its own for query, key, value and output.
    """

    def __init__(self, width: int, heads: int, causal: bool = False) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.output = nn.Linear(width, width), nn.Linear(width, width)
        self.heads, self.causal = heads, causal

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            projection(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        mix = functional.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        return self.output(mix.transpose(1, 2).flatten(2))'''

SEEDED_DROPOUT = '''\
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
        return x * (kept.to(x.dtype) / (1.0 - self.rate))'''

CLASSES = {"Recurrent": RECURRENT, "SelfAttention": SELF_ATTENTION, "SeededDropout": SEEDED_DROPOUT}
"""By the name that a program uses them under."""
