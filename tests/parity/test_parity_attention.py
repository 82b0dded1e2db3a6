"""Self-attention against PyTorch: its MultiheadAttention, and every step between."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the parity extra")

from tests.building import chain, inline, optimizer, with_training  # noqa: E402
from tests.parity.comparing import TOLERANCE, Tensors, assert_close, compare  # noqa: E402
from tests.refs import ref  # noqa: E402
from visualbp.core.ref import Ref  # noqa: E402
from visualbp.datasets import load_dataset  # noqa: E402
from visualbp.engine import Executor, compile_plan  # noqa: E402
from visualbp.network import Network, edits  # noqa: E402

functional = torch.nn.functional
BATCH, POSITIONS, WIDTH, VOCABULARY = 5, 6, 8, 7
PROJECTIONS = ("query", "key", "value", "output")


def transformer(heads: int, causal: bool, precision: str) -> Network:
    """Return embedding, attention with a residual connection, and a dense layer, to say the letter before."""
    letters = np.random.default_rng(4).integers(0, VOCABULARY, (BATCH, POSITIONS))
    network = chain(
        ("input", "input", {"shape": [POSITIONS]}),
        ("letters", "embedding", {"vocabulary": VOCABULARY, "units": WIDTH}),
        ("look", "self_attention", {"heads": heads, "causal": causal, "bias_init": {"type": "normal", "std": 0.5}}),
        ("sum", "add", {}),
        ("output", "dense", {"units": VOCABULARY}),
        ("loss", "softmax_cross_entropy", {}),
        data=inline(letters, np.roll(letters, 1, axis=1)),
        seed=7,
        precision=precision,
    )
    network = edits.connect(network, "letters", "sum")
    return with_training(network, optimizer=optimizer("sgd", learning_rate=0.1, momentum=0.9))


@pytest.mark.parametrize("heads", [1, 2, 8])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_every_step_of_attention_is_pytorchs_over_three_steps_with_momentum(
    heads: int, causal: bool, precision: str
) -> None:
    closed = torch.triu(torch.ones(POSITIONS, POSITIONS, dtype=torch.bool), 1)

    def split(tensor: Any) -> Any:
        return tensor.reshape(BATCH, POSITIONS, heads, WIDTH // heads).transpose(1, 2)

    def forward(p: Tensors, x: Any, y: Any) -> tuple[Any, dict[Ref, Any]]:
        def project(of: str, tensor: Any) -> Any:
            return functional.linear(tensor, p[ref("look", f"weight_{of}")], p[ref("look", f"bias_{of}")])

        rows = functional.embedding(x.long(), p[ref("letters", "weight")])
        query, key, value = (project(of, rows) for of in PROJECTIONS[:3])
        scores = split(query) @ split(key).transpose(-1, -2) / math.sqrt(WIDTH / heads)
        attention = torch.softmax(scores.masked_fill(closed, -math.inf) if causal else scores, -1)
        mix = (attention @ split(value)).transpose(1, 2).reshape(BATCH, POSITIONS, WIDTH)
        h = project("output", mix)
        total = h + rows
        z = functional.linear(total, p[ref("output", "weight")], p[ref("output", "bias")])
        roles = {"query": query, "key": key, "value": value, "scores": scores, "attention": attention, "mix": mix}
        named = {ref("look", role): tensor for role, tensor in {**roles, "h": h}.items()}
        named |= {ref("letters", "h"): rows, ref("sum", "h"): total, ref("output", "z"): z}
        return functional.cross_entropy(z.reshape(-1, VOCABULARY), y.reshape(-1, VOCABULARY)), named

    compare(
        transformer(heads, causal, precision),
        forward,
        lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
        in_truth_zero=[ref("look", "bias_key")],  # a softmax does not see what all its scores share
    )


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("causal", [False, True])
def test_the_layer_is_pytorchs_multihead_attention(heads: int, causal: bool) -> None:
    generator = np.random.default_rng(5)
    inputs = generator.standard_normal((BATCH, POSITIONS, WIDTH))
    targets = generator.standard_normal((BATCH, POSITIONS, WIDTH))
    network = chain(
        ("input", "input", {"shape": [POSITIONS, WIDTH]}),
        ("wide", "dense", {"units": WIDTH}),
        ("look", "self_attention", {"heads": heads, "causal": causal, "bias_init": {"type": "normal", "std": 0.5}}),
        ("loss", "half_squared_error", {}),
        data=inline(inputs, targets),
        seed=8,
    )
    assert network.data is not None
    executor = Executor(compile_plan(network), load_dataset(network.data))
    for _ in executor.plan.steps:
        executor.step()
    start = {value: torch.tensor(array) for value, array in executor.store.views_of(executor.start).items()}
    module = torch.nn.MultiheadAttention(WIDTH, heads, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.cat([start[ref("look", f"weight_{of}")] for of in PROJECTIONS[:3]]))
        module.in_proj_bias.copy_(torch.cat([start[ref("look", f"bias_{of}")] for of in PROJECTIONS[:3]]))
        module.out_proj.weight.copy_(start[ref("look", "weight_output")])
        module.out_proj.bias.copy_(start[ref("look", "bias_output")])
    x = torch.tensor(executor.values[executor.plan.resolve(ref("wide", "h"))], requires_grad=True)
    mask = torch.triu(torch.ones(POSITIONS, POSITIONS, dtype=torch.bool), 1) if causal else None
    h, attention = module(x, x, x, attn_mask=mask, average_attn_weights=False)
    (0.5 * ((h - torch.tensor(targets)) ** 2).sum() / BATCH).backward()
    tolerance, values = TOLERANCE["float64"], executor.values
    assert_close(values[ref("look", "h")], h, tolerance, "h")
    assert_close(values[ref("look", "attention")], attention, tolerance, "the attention")
    assert_close(values[executor.plan.resolve(ref("wide", "upstream"))], x.grad, tolerance, "the gradient of x")
    for kind, grouped in (("weight", module.in_proj_weight.grad), ("bias", module.in_proj_bias.grad)):
        for of, wanted in zip(PROJECTIONS[:3], grouped.chunk(3), strict=True):
            if (kind, of) == ("bias", "key"):  # in truth 0: a softmax does not see what all its scores share
                assert np.abs(values[ref("look", "bias_key").gradient]).max() < 1e-14
                continue
            assert_close(values[ref("look", f"{kind}_{of}").gradient], wanted, tolerance, f"{kind}_{of}")
    assert_close(values[ref("look", "weight_output").gradient], module.out_proj.weight.grad, tolerance, "output")
    assert_close(values[ref("look", "bias_output").gradient], module.out_proj.bias.grad, tolerance, "output bias")
