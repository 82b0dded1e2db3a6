"""visualbp trace: every step of an iteration, as text, as JSON, and as arrays."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.commands import Capture, run, run_json, write_model
from visualbp.core.arrays import Array
from visualbp.engine import compile_plan
from visualbp.files import find_model, load_network


def arrays(path: Path) -> dict[str, Array]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def test_trace_prints_every_step_with_its_shape_and_norm(capsys: Capture) -> None:
    out, _ = run(capsys, "trace", "worked_example")
    plan = compile_plan(load_network(find_model("worked_example")))
    rows = [line for line in out.splitlines() if line[:4].strip().isdigit()]
    assert len(rows) == len(plan.steps)
    assert all(step.label in row and step.operation in row for step, row in zip(plan.steps, rows, strict=True))
    assert "loss 0.2983711088" in out


def test_trace_json_has_the_published_loss_and_a_record_for_each_step(capsys: Capture) -> None:
    record = run_json(capsys, "trace", "worked_example")
    assert set(record) == {"loss", "steps"}
    assert record["loss"] == pytest.approx(0.298371109, abs=1e-9)
    plan = compile_plan(load_network(find_model("worked_example")))
    for index, (step, found) in enumerate(zip(plan.steps, record["steps"], strict=True)):
        assert set(found) == {"index", "phase", "layer", "operation", "equation", "shape", "norm"}
        assert (found["index"], found["phase"], found["layer"]) == (index, step.phase, step.layer)
        assert found["equation"].strip()
    output_h = next(s for s in record["steps"] if s["layer"] == "output" and s["operation"] == "sigmoid")
    assert output_h["shape"] == [1, 2]
    assert output_h["norm"] == pytest.approx(float(np.hypot(0.75136507, 0.772928465)), abs=1e-8)


def test_trace_runs_the_iterations_before_the_one_it_shows(capsys: Capture) -> None:
    assert run_json(capsys, "trace", "worked_example", "--iterations", "2")["loss"] == pytest.approx(
        0.29102777369, abs=1e-10
    )


def test_trace_writes_the_arrays_of_the_iteration_as_the_chain_rule_gives_them(capsys: Capture, tmp_path: Path) -> None:
    """Backpropagation of XOR written out in NumPy, from the parameters and the batch that the file holds."""
    run(capsys, "trace", "xor", "--iterations", "3", "--npz", str(tmp_path / "a.npz"))
    found = arrays(tmp_path / "a.npz")
    assert {array.dtype for array in found.values()} == {np.dtype(np.float64)}
    x = found["forward/input/h"]
    y = np.eye(2)[(x[:, 0] != x[:, 1]).astype(int)]
    w1, b1 = found["before/hidden/weight"], found["before/hidden/bias"]
    w2, b2 = found["before/output/weight"], found["before/output/bias"]
    z1 = x @ w1.T + b1
    h1 = np.tanh(z1)
    z2 = h1 @ w2.T + b2
    probability = np.exp(z2) / np.exp(z2).sum(axis=1, keepdims=True)
    delta2 = (probability - y) / 4
    upstream1 = delta2 @ w2
    delta1 = upstream1 * (1 - h1**2)
    expected = {
        "forward/input/h": x,
        "forward/hidden/z": z1,
        "forward/hidden/h": h1,
        "forward/output/z": z2,
        "forward/output/h": z2,
        "backward/output/upstream": delta2,
        "backward/output/delta": delta2,
        "backward/hidden/upstream": upstream1,
        "backward/hidden/delta": delta1,
        "gradient/output/weight": delta2.T @ h1,
        "gradient/output/bias": delta2.sum(axis=0),
        "gradient/hidden/weight": delta1.T @ x,
        "gradient/hidden/bias": delta1.sum(axis=0),
        "before/hidden/weight": w1,
        "before/hidden/bias": b1,
        "before/output/weight": w2,
        "before/output/bias": b2,
        "after/hidden/weight": w1 - 0.5 * delta1.T @ x,
        "after/hidden/bias": b1 - 0.5 * delta1.sum(axis=0),
        "after/output/weight": w2 - 0.5 * delta2.T @ h1,
        "after/output/bias": b2 - 0.5 * delta2.sum(axis=0),
        "loss": -np.mean(np.log(probability[y == 1])),
        "penalty": np.zeros(()),
    }
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-12, atol=1e-14, err_msg=name)


def test_the_arrays_have_gradients_before_clipping_the_penalty_and_an_activation_layers_own_z(
    capsys: Capture, tmp_path: Path
) -> None:
    model = write_model(tmp_path / "m.vbp")
    record = run_json(capsys, "trace", model, "--npz", str(tmp_path / "a.npz"))
    found = arrays(tmp_path / "a.npz")
    np.testing.assert_array_equal(found["forward/bend/z"], found["forward/dense/h"])
    np.testing.assert_array_equal(found["backward/bend/delta"], found["backward/dense/upstream"])
    weights = [found["before/dense/weight"], found["before/out/weight"]]
    assert found["penalty"] == pytest.approx(0.25 * sum(float((w**2).sum()) for w in weights))
    assert record["loss"] == pytest.approx(float(found["loss"]))
    names = [f"{layer}/{parameter}" for layer in ("dense", "out") for parameter in ("weight", "bias")]
    gradient = np.concatenate([found[f"gradient/{name}"].ravel() for name in names])
    moved = np.concatenate([(found[f"before/{name}"] - found[f"after/{name}"]).ravel() for name in names])
    assert np.linalg.norm(gradient) > 10.0
    np.testing.assert_allclose(moved, 0.25 * gradient / np.linalg.norm(gradient), rtol=1e-6)
    residual = found["forward/out/h"] - [[5], [60]]
    np.testing.assert_allclose(
        found["gradient/out/weight"], residual.T @ found["forward/bend/h"] + 0.5 * found["before/out/weight"]
    )
    clip = next(step for step in record["steps"] if step["operation"] == "clip")
    assert clip["shape"] == [13] and clip["norm"] == pytest.approx(1.0, rel=1e-4)


def test_trace_of_a_network_that_diverges_names_the_operation_and_prints_json_all_the_same(
    capsys: Capture, tmp_path: Path
) -> None:
    model = write_model(tmp_path / "m.vbp", training={"optimizer": {"type": "sgd", "learning_rate": 1e6}})
    out, err = run(capsys, "trace", model, "--iterations", "60", "--json")
    record = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert record["loss"] is None
    assert "gave" in err and err.count("\n") == 1
