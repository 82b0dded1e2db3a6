"""The networks of the layers' benchmark in JAX: one compiled function for the loss and all gradients.

Written with what JAX itself offers (`lax.conv_general_dilated`, `lax.reduce_window`, `lax.scan`), images as channels
first. XLA is kept to one thread, which counts only where JAX was not imported before.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from visualbp.core.arrays import Array
from visualbp.engine import Executor

XLA_FLAGS = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
EPSILON, MOMENTUM = 1e-5, 0.1
TOLERANCE = 1e-8
"""The largest difference from the engine's float64 gradients that counts as the same network."""

Layers = Sequence[tuple[str, str, Mapping[str, Any]]]
Passes = Callable[[], tuple[tuple[Any, dict[str, Any]], dict[str, Any]]]
"""Returns ((loss, the new running statistics), the gradients), both by name."""


def one_threaded_jax() -> Any:
    """Return the module, or None where it is not installed."""
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {XLA_FLAGS}".strip()
    os.environ["NPROC"] = "1"  # the size of XLA's own pool of threads
    try:
        import jax
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    return jax


JAX = one_threaded_jax()


def windows_reduced(x: Any, start: float, combine: Any) -> Any:
    """Return what `combine` makes of each 2 x 2 window of images (B, C, height, width)."""
    return JAX.lax.reduce_window(x, np.asarray(start, x.dtype), combine, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def normalised(x: Any, mean: Any, variance: Any, weight: Any, bias: Any) -> Any:
    return (x - mean) * JAX.lax.rsqrt(variance + EPSILON) * weight + bias


def attention(x: Any, own: Mapping[str, Any], heads: int) -> Any:
    """Return causal self-attention of (B, T, d)."""
    samples, positions, width = x.shape

    def heads_of(role: str) -> Any:
        made = x @ own[f"weight_{role}"].T + own[f"bias_{role}"]
        return made.reshape(samples, positions, heads, width // heads).transpose(0, 2, 1, 3)

    scores = heads_of("query") @ heads_of("key").swapaxes(-1, -2) / math.sqrt(width / heads)
    is_open = np.tril(np.ones((positions, positions), bool))
    mix = JAX.nn.softmax(JAX.numpy.where(is_open, scores, -math.inf)) @ heads_of("value")
    return mix.transpose(0, 2, 1, 3).reshape(x.shape) @ own["weight_output"].T + own["bias_output"]


def last_state(x: Any, own: Mapping[str, Any]) -> Any:
    """Return the last state of a tanh recurrence over (B, T, n); the inputs' products are one, before the scan."""
    driven = x.transpose(1, 0, 2) @ own["weight_input"].T + own["bias"]

    def step(state: Any, drive: Any) -> tuple[Any, None]:
        return JAX.numpy.tanh(drive + state @ own["weight_hidden"].T), None

    start = JAX.numpy.zeros(driven.shape[1:], driven.dtype)
    return JAX.lax.scan(step, start, driven)[0]


def layer_output(
    kind: str, options: Mapping[str, Any], own: Mapping[str, Any], inputs: Sequence[Any]
) -> tuple[Any, dict[str, Any]]:
    """Return a layer's output for its parameters and running statistics `own`, and the statistics' new values.

    Raises NotImplementedError for a kind of layer or an option that no network of the benchmark has.
    """
    lax, x, running = JAX.lax, inputs[0], {}
    match kind:
        case "conv2d":
            padding = options.get("padding", 0)
            axes = ("NCHW", "OIHW", "NCHW")
            h = lax.conv_general_dilated(x, own["weight"], (1, 1), [(padding, padding)] * 2, dimension_numbers=axes)
            h = h + own["bias"][:, None, None]
        case "dense":
            h = x @ own["weight"].T
            h = h + own["bias"] if "bias" in own else h
        case "max_pool2d":
            h = windows_reduced(x, -math.inf, lax.max)
        case "avg_pool2d":
            h = windows_reduced(x, 0.0, lax.add) / 4
        case "flatten":
            h = x.reshape(len(x), -1)
        case "activation":
            h = x
        case "add":
            h = sum(inputs[1:], x)
        case "embedding":
            h = own["weight"][x]
        case "rnn":
            h = last_state(x, own)
        case "self_attention" if options["causal"]:
            h = attention(x, own, options["heads"])
        case "layer_norm":
            h = normalised(x, x.mean(-1, keepdims=True), x.var(-1, keepdims=True), own["weight"], own["bias"])
        case "batch_norm":
            mean, variance = x.mean(0), x.var(0)
            h = normalised(x, mean, variance, own["weight"], own["bias"])
            found = {"running_mean": mean, "running_var": variance * (len(x) / (len(x) - 1))}
            running = {role: (1 - MOMENTUM) * own[role] + MOMENTUM * lax.stop_gradient(found[role]) for role in found}
        case _:
            raise NotImplementedError(f"there is no {kind} layer with {options} in JAX here")
    choice = options.get("function", options.get("activation", "linear"))
    if choice not in ("linear", "relu"):
        raise NotImplementedError(f"there is no {choice} in JAX here")
    return (JAX.nn.relu(h) if choice == "relu" else h), running


def passes(layers: Layers, around: Sequence[tuple[str, str]], executor: Executor) -> Passes:
    """Return both passes at the executor's parameters on its data; `layers` end in the one that makes the logits."""
    trainable = {info.value for info in executor.plan.trainable}
    lasting = executor.parameter_views()
    parameters = {value.text: JAX.numpy.asarray(array) for value, array in lasting.items() if value in trainable}
    running = {value.text: JAX.numpy.asarray(array) for value, array in lasting.items() if value not in trainable}
    takes_indices = layers[0][1] == "embedding"
    x = JAX.numpy.asarray(executor.inputs.astype(np.int32) if takes_indices else executor.inputs)
    y = JAX.numpy.asarray(executor.targets)

    def loss_of(parameters: Mapping[str, Any], running: Mapping[str, Any], x: Any, y: Any) -> tuple[Any, Any]:
        values, h, new_running = {}, x, {}
        for name, kind, options in layers:
            held = {**parameters, **running}
            own = {text.removeprefix(f"{name}."): held[text] for text in held if text.startswith(f"{name}.")}
            inputs = [h, *(values[source] for source, target in around if target == name)]
            h, new = layer_output(kind, options, own, inputs)
            values[name] = h
            new_running |= {f"{name}.{role}": statistic for role, statistic in new.items()}
        return -JAX.numpy.mean((JAX.nn.log_softmax(h) * y).sum(-1)), new_running

    compiled = JAX.jit(JAX.value_and_grad(loss_of, has_aux=True))
    return lambda: JAX.block_until_ready(compiled(parameters, running, x, y))


def difference(run: Passes, executor: Executor, engine_run: Callable[[], None]) -> float:
    """Return the largest difference from the engine, of the loss, the running statistics and all gradients.

    `run` was made at the executor's present parameters and running statistics. Infinite where one has values that the
    other does not.
    """
    (loss, running), gradients = run()
    engine_run()
    plan, buffers = executor.plan, executor.binding(executor.batch_size).buffers
    expected: dict[str, Array] = {info.value.text: buffers[info.value.gradient] for info in plan.trainable}
    expected |= {info.value.text: buffers[info.value] for info in plan.buffers}
    found = {"": loss, **gradients, **running}
    expected[""] = buffers[plan.loss]
    if found.keys() != expected.keys():
        return math.inf
    differences = [float(np.abs(np.asarray(found[name]) - expected[name]).max()) for name in expected]
    return max(math.inf if math.isnan(one) else one for one in differences)
