"""Every layer type in PyTorch: how its module is made, how it is called, and what its parameters are called there.

Each entry of the table has PyTorch's own module where that computes the same thing, and else a class of
`pytorch_classes.py` that the program carries along.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from visualbp.core.arrays import Shape
from visualbp.core.options import Choice
from visualbp.engine.store import stream_of
from visualbp.interchange.errors import ExportError
from visualbp.interchange.pytorch_expressions import custom_function
from visualbp.network import Layer


@dataclass(frozen=True)
class LayerCode:
    """One layer as code. `call` computes its output; `make` is its module, if it has one; `parameters` maps the names
    of its parameters and buffers to those that the module gives them, where they differ."""

    call: str
    make: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerContext:
    """What a rule may know of its layer: its name in the program, those of its inputs, and the shapes of a sample."""

    layer: Layer
    name: str
    inputs: Sequence[str]
    shapes: Sequence[Shape]
    functions: CustomFunctions

    @property
    def options(self) -> Mapping[str, Any]:
        return self.layer.options

    @property
    def module_call(self) -> str:
        """The layer's module, applied to its first input."""
        return f"self.{self.name}({self.inputs[0]})"


class CustomFunctions:
    """The custom activations of one program: each pair of an expression and a derivative is a class of its own."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, str], str] = {}

    def name_of(self, options: Mapping[str, Any]) -> str:
        key = options["expression"], options["derivative"]
        if key not in self.names:
            self.names[key] = f"Custom{len(self.names) + 1 if self.names else ''}"
        return self.names[key]

    def sources(self) -> list[str]:
        return [custom_function(name, *key) for key, name in self.names.items()]


ACTIVATIONS = {
    "linear": "{z}",
    "relu": "torch.relu({z})",
    "leaky_relu": "functional.leaky_relu({z}, {slope})",
    "elu": "functional.elu({z}, {alpha})",
    "selu": "functional.selu({z})",
    "gelu": 'functional.gelu({z}, approximate="tanh")',
    "silu": "functional.silu({z})",
    "sigmoid": "torch.sigmoid({z})",
    "tanh": "torch.tanh({z})",
    "softplus": "functional.softplus({z})",
    "softmax": "torch.softmax({z}, -1)",
    "mish": "functional.mish({z})",
    "hard_swish": "functional.hardswish({z})",
}
"""Built-in activations; options are put in by their names."""


def applied(choice: Choice, z: str, functions: CustomFunctions) -> str:
    """Return the activation of the code `z`. Raises ExportError."""
    if choice.type == "custom":
        return f"{functions.name_of(choice.options)}.apply({z})"
    if choice.type not in ACTIVATIONS:
        raise ExportError(f"the activation {choice.type} has no form in PyTorch")
    return ACTIVATIONS[choice.type].format(z=z, **choice.options)


def function_of(choice: Choice, functions: CustomFunctions) -> str:
    """Return the activation as a function of a tensor. Raises ExportError."""
    text = applied(choice, "z", functions)
    return text.removesuffix("(z)") if text.endswith("(z)") else f"lambda z: {text}"


# -- one rule for each layer type ------------------------------------------------------------------------------------


def _weighted(context: LayerContext, module: str) -> LayerCode:
    """A module with a weight and perhaps a bias, then an activation."""
    call = applied(context.options["activation"], context.module_call, context.functions)
    if not context.options["weight_norm"]:
        return LayerCode(call, module)
    renamed = {
        "weight_direction": "parametrizations.weight.original1",
        "weight_gain": "parametrizations.weight.original0",
    }
    return LayerCode(call, f"weight_norm({module})", renamed)


def _dense(context: LayerContext) -> LayerCode:
    options = context.options
    bias = "" if options["bias"] else ", bias=False"
    return _weighted(context, f"nn.Linear({context.shapes[0][-1]}, {options['units']}{bias})")


def _conv2d(context: LayerContext) -> LayerCode:
    options = context.options
    more = [f"stride={options['stride']}"] if options["stride"] != 1 else []
    more += [f"padding={options['padding']}"] if options["padding"] else []
    more += [] if options["bias"] else ["bias=False"]
    given = [str(context.shapes[0][0]), str(options["filters"]), str(options["kernel"]), *more]
    return _weighted(context, f"nn.Conv2d({', '.join(given)})")


def _activation(context: LayerContext) -> LayerCode:
    own = {name: value for name, value in context.options.items() if name != "function"}
    return LayerCode(applied(Choice(context.options["function"], own), context.inputs[0], context.functions))


def _pooling(name: str) -> Callable[[LayerContext], LayerCode]:
    def rule(context: LayerContext) -> LayerCode:
        kernel, stride = context.options["kernel"], context.options["stride"]
        return LayerCode(context.module_call, f"nn.{name}({kernel}{f', stride={stride}' if stride != kernel else ''})")

    return rule


def _batch_norm(context: LayerContext) -> LayerCode:
    shape, options = context.shapes[0], context.options
    kind = "BatchNorm2d" if len(shape) == 3 else "BatchNorm1d"
    return LayerCode(
        context.module_call, f"nn.{kind}({shape[0]}, eps={options['epsilon']!r}, momentum={options['momentum']!r})"
    )


def _layer_norm(context: LayerContext) -> LayerCode:
    shape = context.shapes[0]
    over = shape[-1:] if len(shape) == 2 else shape
    axes = str(over[0]) if len(over) == 1 else repr(over)
    return LayerCode(context.module_call, f"nn.LayerNorm({axes}, eps={context.options['epsilon']!r})")


def _dropout(context: LayerContext) -> LayerCode:
    stream = stream_of(f"{context.layer.name}/dropout")
    return LayerCode(context.module_call, f"SeededDropout({context.options['rate']!r}, stream={stream:#x})")


def _rnn(context: LayerContext) -> LayerCode:
    options = context.options
    given = [str(context.shapes[0][1]), str(options["units"]), function_of(options["activation"], context.functions)]
    given += ["return_sequence=True"] if options["return_sequence"] else []
    return LayerCode(context.module_call, f"Recurrent({', '.join(given)})")


def _embedding(context: LayerContext) -> LayerCode:
    make = f"nn.Embedding({context.options['vocabulary']}, {context.options['units']})"
    return LayerCode(f"self.{context.name}({context.inputs[0]}.long())", make)


def _self_attention(context: LayerContext) -> LayerCode:
    options = context.options
    causal = ", causal=True" if options["causal"] else ""
    parts = ("query", "key", "value", "output")
    renamed = {f"{kind}_{part}": f"{part}.{kind}" for part in parts for kind in ("weight", "bias")}
    make = f"SelfAttention({context.shapes[0][1]}, heads={options['heads']}{causal})"
    return LayerCode(context.module_call, make, renamed)


RULES: dict[str, Callable[[LayerContext], LayerCode]] = {
    "input": lambda context: LayerCode(context.name),
    "dense": _dense,
    "activation": _activation,
    "conv2d": _conv2d,
    "max_pool2d": _pooling("MaxPool2d"),
    "avg_pool2d": _pooling("AvgPool2d"),
    "flatten": lambda context: LayerCode(f"{context.inputs[0]}.flatten(1)"),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "dropout": _dropout,
    "add": lambda context: LayerCode(" + ".join(context.inputs)),
    "multiply": lambda context: LayerCode(" * ".join(context.inputs)),
    "concatenate": lambda context: LayerCode(f"torch.cat([{', '.join(context.inputs)}], 1)"),
    "rnn": _rnn,
    "embedding": _embedding,
    "self_attention": _self_attention,
}
"""One entry for each layer type but the losses, which are in `pytorch_training.py`."""


def layer_code(context: LayerContext) -> LayerCode:
    """Return the code of a layer. Raises ExportError for a type that has no rule here."""
    layer = context.layer
    if layer.type not in RULES:
        raise ExportError(f"{layer.name}: layers of the type {layer.type} have no form in PyTorch")
    return RULES[layer.type](context)
