"""Networks as PyTorch computes them: written from the contract's table alone, sharing nothing with the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional

from visualbp.core.arrays import Array
from visualbp.network import Network

Tensor = torch.Tensor

ACTIVATIONS: dict[str, Callable[..., Tensor]] = {
    "linear": lambda z: z * 1.0,
    "relu": functional.relu,
    "leaky_relu": lambda z, slope=0.01: functional.leaky_relu(z, slope),
    "elu": lambda z, alpha=1.0: functional.elu(z, alpha),
    "selu": functional.selu,
    "gelu": lambda z: functional.gelu(z, approximate="tanh"),
    "silu": functional.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": functional.softplus,
    "softmax": lambda z: functional.softmax(z, -1),
    "mish": functional.mish,
    "hard_swish": functional.hardswish,
    "custom": lambda z, expression, derivative="": EXPRESSIONS[expression](z),
}

EXPRESSIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "x * sigmoid(x)": functional.silu,
    "x * tanh(x)": lambda x: x * torch.tanh(x),
    "sin(x) + x / 2": lambda x: torch.sin(x) + x / 2,
    "where(x > 0, x, exp(x) - 1)": lambda x: torch.where(x > 0, x, torch.exp(torch.clamp(x, max=0.0)) - 1),
    "sqrt(1 + x**2)": lambda x: torch.sqrt(1 + x**2),
}

LOSSES: dict[str, Callable[..., Tensor]] = {
    "mean_squared_error": functional.mse_loss,
    "half_squared_error": lambda p, y: 0.5 * ((p - y) ** 2).sum() / len(p),
    "mean_absolute_error": functional.l1_loss,
    "huber": lambda p, y, delta=1.0: functional.huber_loss(p, y, delta=delta),
    "binary_cross_entropy": functional.binary_cross_entropy,
    "binary_cross_entropy_with_logits": functional.binary_cross_entropy_with_logits,
    "softmax_cross_entropy": lambda p, y: functional.cross_entropy(p.flatten(0, -2), y.flatten(0, -2)),
    "cross_entropy": lambda p, y: -(y * torch.log(p)).sum() / p[..., 0].numel(),
    "kl_divergence": lambda p, y: functional.kl_div(torch.log(p), y, reduction="batchmean"),
    "hinge": lambda p, y: torch.clamp(1.0 - y * p, min=0.0).mean(),
}


def _activated(choice: Any, z: Tensor) -> Tensor:
    return ACTIVATIONS[choice.type](z, **choice.options)


class ReferenceNetwork:
    """A network's parameters as tensors, and its passes. `values` holds (layer, role) of the last forward pass."""

    def __init__(self, network: Network, parameters: Mapping[tuple[str, str], Array]) -> None:
        self.network = network
        self.parameters = {
            key: torch.tensor(array.copy(), dtype=torch.float64, requires_grad=True)
            for key, array in parameters.items()
        }
        self.trainable = [
            tensor for (layer, name), tensor in self.parameters.items() if not network.layer(layer).is_frozen(name)
        ]
        self.values: dict[tuple[str, str], Tensor] = {}
        self.optimizer = self._optimizer()

    def _optimizer(self) -> torch.optim.Optimizer | None:
        choice = self.network.training.optimizer
        options = dict(choice.options)
        rate, decay = options["learning_rate"], options["weight_decay"]
        if not self.trainable:
            return None
        if choice.type == "sgd":
            momentum, nesterov = options["momentum"], options["nesterov"]
            return torch.optim.SGD(self.trainable, rate, momentum, weight_decay=decay, nesterov=nesterov)
        if choice.type == "adagrad":
            return torch.optim.Adagrad(self.trainable, rate, weight_decay=decay, eps=options["epsilon"])
        if choice.type == "rmsprop":
            alpha, epsilon, momentum = options["alpha"], options["epsilon"], options["momentum"]
            return torch.optim.RMSprop(self.trainable, rate, alpha, epsilon, decay, momentum, options["centered"])
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[choice.type]
        betas = options["beta1"], options["beta2"]
        return kind(self.trainable, rate, betas, options["epsilon"], weight_decay=decay)

    def forward(self, inputs: Array, targets: Array) -> tuple[Tensor, Tensor]:
        """Return the loss of the data and the penalty. Every value on the way keeps its gradient."""
        self.values = {}
        outputs: dict[str, Tensor] = {}
        loss = torch.zeros(())
        for layer in self.network.layers:
            sources = [outputs[name] for name in self.network.inputs_of(layer.name)]
            options: dict[str, Any] = dict(layer.options)
            match layer.type:
                case "input":
                    outputs[layer.name] = torch.tensor(inputs)
                    continue
                case "dense" | "conv1d" | "conv2d":
                    h = self._weighted(layer.name, layer.type, options, sources[0])
                case "max_pool2d":
                    h = functional.max_pool2d(sources[0], options["kernel"], options["stride"])
                case "avg_pool2d":
                    h = functional.avg_pool2d(sources[0], options["kernel"], options["stride"])
                case "batch_norm":
                    weight, bias = self._of(layer.name, "weight", "bias")
                    h = functional.batch_norm(sources[0], None, None, weight, bias, True, 0.0, options["epsilon"])
                case "layer_norm":
                    weight, bias = self._of(layer.name, "weight", "bias")
                    h = functional.layer_norm(sources[0], weight.shape, weight, bias, options["epsilon"])
                case "group_norm":
                    weight, bias = self._of(layer.name, "weight", "bias")
                    h = functional.group_norm(sources[0], options["groups"], weight, bias, options["epsilon"])
                case "embedding":
                    h = functional.embedding(sources[0].long(), *self._of(layer.name, "weight"))
                case "rnn":
                    h = self._recurrent(layer.name, options, sources[0])
                case "lstm":
                    h = self._lstm(layer.name, options, sources[0])
                case "gru":
                    h = self._gru(layer.name, options, sources[0])
                case "self_attention":
                    h = self._attention(layer.name, options, sources[0])
                case "activation":
                    h = ACTIVATIONS[options.pop("function")](sources[0], **options)
                case "add":
                    h = sum(sources[1:], sources[0])
                case "multiply":
                    h = sources[0]
                    for other in sources[1:]:
                        h = h * other
                case "concatenate":
                    h = torch.cat(sources, 1)
                case "flatten":
                    h = torch.flatten(sources[0], 1) * 1.0
                case _:
                    loss = LOSSES[layer.type](sources[0], torch.tensor(targets), **options)
                    continue
            outputs[layer.name] = self._keep(layer.name, "h", h)
        training = self.network.training
        weights = [tensor for (_, name), tensor in self.parameters.items() if name.startswith("weight")]
        penalty = sum(
            (training.l1 * w.abs().sum() + 0.5 * training.l2 * (w * w).sum() for w in weights), torch.zeros(())
        )
        return loss, penalty

    def _of(self, layer: str, *names: str) -> list[Tensor]:
        return [self.parameters[layer, name] for name in names]

    def _weighted(self, layer: str, kind: str, options: Mapping[str, Any], x: Tensor) -> Tensor:
        """Dense and convolutional layers: the weight, perhaps normed; z; and the activation."""
        if options["weight_norm"]:
            direction, gain = self._of(layer, "weight_direction", "weight_gain")
            weight = self._keep(layer, "weight", torch._weight_norm(direction, gain, 0))
        else:
            (weight,) = self._of(layer, "weight")
        bias = self.parameters.get((layer, "bias"))
        if kind == "dense":
            z = functional.linear(x, weight, bias)
        else:
            convolved = functional.conv1d if kind == "conv1d" else functional.conv2d
            z = convolved(x, weight, bias, options["stride"], options["padding"])
        return _activated(options["activation"], self._keep(layer, "z", z))

    def _recurrent(self, layer: str, options: Mapping[str, Any], x: Tensor) -> Tensor:
        weight_input, weight_hidden, bias = self._of(layer, "weight_input", "weight_hidden", "bias")
        h, states = torch.zeros(len(x), len(bias), dtype=x.dtype), []
        for t in range(x.shape[1]):
            z = functional.linear(x[:, t], weight_input, bias) + h @ weight_hidden.T
            h = self._keep(layer, f"h[{t}]", _activated(options["activation"], self._keep(layer, f"z[{t}]", z)))
            states.append(h)
        return torch.stack(states, 1) if options["return_sequence"] else h

    def _lstm(self, layer: str, options: Mapping[str, Any], x: Tensor) -> Tensor:
        weight_input, weight_hidden, bias = self._of(layer, "weight_input", "weight_hidden", "bias")
        h = c = torch.zeros(len(x), options["units"], dtype=x.dtype)
        states = []
        for t in range(x.shape[1]):
            z = self._keep(layer, f"z[{t}]", functional.linear(x[:, t], weight_input, bias) + h @ weight_hidden.T)
            i, f, g, o = z.chunk(4, 1)
            c = self._keep(layer, f"c[{t}]", torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g))
            h = self._keep(layer, f"h[{t}]", torch.sigmoid(o) * torch.tanh(c))
            states.append(h)
        return torch.stack(states, 1) if options["return_sequence"] else h

    def _gru(self, layer: str, options: Mapping[str, Any], x: Tensor) -> Tensor:
        weight_input, bias_input = self._of(layer, "weight_input", "bias_input")
        weight_hidden, bias_hidden = self._of(layer, "weight_hidden", "bias_hidden")
        h, states = torch.zeros(len(x), options["units"], dtype=x.dtype), []
        for t in range(x.shape[1]):
            z = self._keep(layer, f"z[{t}]", functional.linear(x[:, t], weight_input, bias_input))
            s = self._keep(layer, f"s[{t}]", functional.linear(h, weight_hidden, bias_hidden))
            (z_r, z_u, x_n), (s_r, s_u, s_n) = z.chunk(3, 1), s.chunk(3, 1)
            update, candidate = torch.sigmoid(z_u + s_u), torch.tanh(x_n + torch.sigmoid(z_r + s_r) * s_n)
            h = self._keep(layer, f"h[{t}]", (1 - update) * candidate + update * h)
            states.append(h)
        return torch.stack(states, 1) if options["return_sequence"] else h

    def _attention(self, layer: str, options: Mapping[str, Any], x: Tensor) -> Tensor:
        batch, positions, width = x.shape
        heads = options["heads"]

        def projected(of: str, tensor: Tensor) -> Tensor:
            return functional.linear(tensor, *self._of(layer, f"weight_{of}", f"bias_{of}"))

        def split(tensor: Tensor) -> Tensor:
            return tensor.reshape(batch, positions, heads, width // heads).transpose(1, 2)

        query, key, value = (self._keep(layer, of, projected(of, x)) for of in ("query", "key", "value"))
        mixed = functional.scaled_dot_product_attention(
            split(query), split(key), split(value), is_causal=options["causal"]
        )
        mix = self._keep(layer, "mix", mixed.transpose(1, 2).reshape(batch, positions, width))
        return projected("output", mix)

    def _keep(self, layer: str, role: str, tensor: Tensor) -> Tensor:
        if tensor.requires_grad:
            tensor.retain_grad()
        self.values[layer, role] = tensor
        return tensor

    def backward(self, inputs: Array, targets: Array) -> tuple[float, float]:
        """Run both passes; return the loss of the data and the penalty."""
        for tensor in self.parameters.values():
            tensor.grad = None
        loss, penalty = self.forward(inputs, targets)
        total = loss + penalty
        if total.requires_grad:
            total.backward()
        for tensor in self.parameters.values():
            if tensor.grad is None:  # nothing that the loss depends on: PyTorch leaves it out, the engine says 0
                tensor.grad = torch.zeros_like(tensor)
        return loss.item(), penalty.item()

    def take_over(self, key: tuple[str, str], array: Array, places: Array) -> None:
        """Set the parameter `key` to `array` at some places."""
        with torch.no_grad():
            self.parameters[key][torch.tensor(places)] = torch.tensor(array[places])

    def update(self) -> None:
        """Clip and update, as PyTorch does."""
        if self.optimizer is None:
            return
        clip = self.network.training.clip
        if clip is not None and clip.by == "norm":
            torch.nn.utils.clip_grad_norm_(self.trainable, clip.limit)
        elif clip is not None:
            torch.nn.utils.clip_grad_value_(self.trainable, clip.limit)
        self.optimizer.step()
