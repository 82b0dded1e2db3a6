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
    "custom": lambda x, expression="x * sigmoid(x)", derivative="": TYPED[str(expression)](x),
}

TYPED: dict[str, Callable[[Tensor], Tensor]] = {
    "x * sigmoid(x)": lambda x: x * torch.sigmoid(x),
    "x * tanh(x)": lambda x: x * torch.tanh(x),
}
"""What the expressions of the tests mean."""

LOSSES: dict[str, Callable[..., Tensor]] = {
    "mean_squared_error": functional.mse_loss,
    "half_squared_error": lambda p, y: 0.5 * ((p - y) ** 2).sum() / len(p),
    "mean_absolute_error": functional.l1_loss,
    "huber": lambda p, y, delta=1.0: functional.huber_loss(p, y, delta=delta),
    "binary_cross_entropy": functional.binary_cross_entropy,
    "binary_cross_entropy_with_logits": functional.binary_cross_entropy_with_logits,
    "softmax_cross_entropy": lambda p, y: functional.cross_entropy(p.flatten(0, -2), y.flatten(0, -2)),
    "cross_entropy": lambda p, y: -(y * torch.log(p)).sum() / p[..., 0].numel(),
    "hinge": lambda p, y: torch.clamp(1.0 - y * p, min=0.0).mean(),
}


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
        betas = options["beta1"], options["beta2"]
        return torch.optim.Adam(self.trainable, rate, betas, options["epsilon"], weight_decay=decay)

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
                case "dense":
                    weight, bias = (self.parameters.get((layer.name, name)) for name in ("weight", "bias"))
                    assert weight is not None
                    z = self._keep(layer.name, "z", functional.linear(sources[0], weight, bias))
                    choice = options["activation"]
                    h = ACTIVATIONS[choice.type](z, **choice.options)
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
        weights = [tensor for (_, name), tensor in self.parameters.items() if name == "weight"]
        penalty = sum(
            (training.l1 * w.abs().sum() + 0.5 * training.l2 * (w * w).sum() for w in weights), torch.zeros(())
        )
        return loss, penalty

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

    def update(self) -> None:
        """Clip and update, as PyTorch does."""
        clip = self.network.training.clip
        if clip is not None and clip.by == "norm":
            torch.nn.utils.clip_grad_norm_(self.trainable, clip.limit)
        elif clip is not None:
            torch.nn.utils.clip_grad_value_(self.trainable, clip.limit)
        if self.optimizer is not None:
            self.optimizer.step()
