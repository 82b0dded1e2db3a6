"""Losses, optimisers and learning-rate schedules in PyTorch. Defaults that are PyTorch's own are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from visualbp.core.arrays import Shape
from visualbp.core.options import Choice
from visualbp.interchange.errors import ExportError
from visualbp.optimizers.schedules import schedules

LOSSES = {
    "mean_squared_error": "functional.mse_loss(prediction, target)",
    "half_squared_error": "0.5 * (prediction - target).square().sum() / len(prediction)",
    "mean_absolute_error": "functional.l1_loss(prediction, target)",
    "huber": "functional.huber_loss(prediction, target, delta={delta})",
    "binary_cross_entropy": "functional.binary_cross_entropy(prediction, target)",
    "binary_cross_entropy_with_logits": "functional.binary_cross_entropy_with_logits(prediction, target)",
    "softmax_cross_entropy": "functional.cross_entropy({rows}, target{to_rows})",
    "cross_entropy": "-(target * torch.log(torch.where(target > 0, prediction, 1.0))).sum(-1).mean()",
    "hinge": "torch.relu(1 - target * prediction).mean()",
}
"""The loss of each type, as an expression of prediction and target: always a mean over the samples."""

LOSSES_OF_CLASSES = {
    "softmax_cross_entropy": "functional.cross_entropy({rows}, target{to_flat})",
    "cross_entropy": "-torch.log(prediction.gather(-1, target.unsqueeze(-1))).mean()",
}
"""The same where the targets are class indices."""


def loss_code(type_name: str, options: Mapping[str, Any], shape: Shape, of_classes: bool) -> str:
    """Return the expression of a loss of predictions, each of this shape. Raises ExportError."""
    table = LOSSES_OF_CLASSES if of_classes else LOSSES
    if type_name not in table:
        raise ExportError(f"the loss {type_name} has no form in PyTorch")
    if len(shape) == 1:
        return table[type_name].format(rows="prediction", to_rows="", to_flat="", **options)
    rows = {"rows": "prediction.flatten(0, -2)", "to_rows": ".flatten(0, -2)", "to_flat": ".flatten()"}
    return table[type_name].format(**rows, **options)


@dataclass(frozen=True)
class OptimizerCode:
    """PyTorch's class of an optimiser, and its keyword and its default for each option."""

    name: str
    keywords: Mapping[str, tuple[str, Any]]


_DECAY = {"weight_decay": ("weight_decay", 0.0)}
_ADAM = {"betas": ("betas", (0.9, 0.999)), "epsilon": ("eps", 1e-8)}
OPTIMIZERS = {
    "sgd": OptimizerCode("SGD", {"momentum": ("momentum", 0.0), "nesterov": ("nesterov", False), **_DECAY}),
    "adagrad": OptimizerCode("Adagrad", {"epsilon": ("eps", 1e-10), **_DECAY}),
    "rmsprop": OptimizerCode(
        "RMSprop",
        {
            "alpha": ("alpha", 0.99),
            "epsilon": ("eps", 1e-8),
            "momentum": ("momentum", 0.0),
            "centered": ("centered", False),
            **_DECAY,
        },
    ),
    "adam": OptimizerCode("Adam", {**_ADAM, **_DECAY}),
    "adamw": OptimizerCode("AdamW", {**_ADAM, "weight_decay": ("weight_decay", 0.01)}),
}


def optimizer_code(choice: Choice) -> str:
    """Return the expression that makes the optimiser of the parameters `trainable`. Raises ExportError."""
    if choice.type not in OPTIMIZERS:
        raise ExportError(f"the optimiser {choice.type} has no form in PyTorch")
    code, options = OPTIMIZERS[choice.type], dict(choice.options)
    if "beta1" in options:
        options["betas"] = (options["beta1"], options["beta2"])
    if "nesterov" in options and not options["momentum"]:
        options["nesterov"] = False  # without momentum it changes nothing, and PyTorch refuses it
    given = ["trainable", f"lr={options['learning_rate']!r}"]
    given += [f"{word}={options[name]!r}" for name, (word, usual) in code.keywords.items() if options[name] != usual]
    return f"torch.optim.{code.name}({', '.join(given)})"


SCHEDULES: dict[str, str] = {
    "step": "{rate} * {factor} ** (t // {every})",
    "exponential": "{rate} * {factor} ** t",
    "cosine": "{lowest} + ({rate} - {lowest}) * (1 + math.cos(math.pi * min(t / {iterations}, 1.0))) / 2",
    "warm_up": "{rate}",
}
"""The rate of the t-th iteration after the warm-up."""


def schedule_code(choice: Choice, learning_rate: float) -> str:
    """Return the function `learning_rate` for a schedule, or nothing for the constant one. Raises ExportError."""
    if choice.type == "constant":
        return ""
    if choice.type not in SCHEDULES:
        raise ExportError(f"the schedule {choice.type} has no form in PyTorch")
    options = {name: repr(value) for name, value in choice.options.items()}
    rule = SCHEDULES[choice.type].format(rate=repr(learning_rate), **options)
    warm_up = int(choice.options.get("warm_up", 0))
    lines = [
        "def learning_rate(iteration: int) -> float:",
        f'    """The rate of an iteration, counted from 0. {schedules.get(choice.type).description}"""',
    ]
    if warm_up:
        lines.append(f"    if iteration < {warm_up}:")
        lines.append(f"        return {learning_rate!r} * (iteration + 1) / {warm_up + 1}")
    if choice.type != "warm_up":
        lines.append(f"    t = iteration - {warm_up}" if warm_up else "    t = iteration")
    return "\n".join([*lines, f"    return {rule}"])
