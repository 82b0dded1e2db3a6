"""The self-attention layer: every position of a sequence attends to all positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from visualbp.core.arrays import Shape, shape_text
from visualbp.core.options import LARGEST_SIZE, BoolOption, EntryOption, IntOption
from visualbp.core.pytorch_code import LayerCode, LayerContext, ModuleClass
from visualbp.core.ref import Ref
from visualbp.initializers import initializers
from visualbp.layers.base import LayerType, Options, ParameterSpec, ShapeError, layer_types
from visualbp.layers.lowering import Lowering, Node
from visualbp.operations.activations.softmax import Softmax
from visualbp.operations.affine import Affine
from visualbp.operations.attention import Mix, Scores
from visualbp.operations.causal_mask import CausalMask

PROJECTIONS = ("query", "key", "value", "output")
PAIRS = ("head", "query", "key")

SELF_ATTENTION = ModuleClass(
    "SelfAttention",
    '''\
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
        return self.output(mix.transpose(1, 2).flatten(2))''',
)
"""The layer in PyTorch, whose own attention has the weights of query, key and value in one."""


class SelfAttention(LayerType):
    """Scaled dot product attention of a sequence (T, d) with itself, heads split as in PyTorch's MultiheadAttention.

    Every step is a node with a value of its own: `query`, `key`, `value` and `mix` (T, d), `scores`, `masked` (if
    causal) and `attention` (heads, T, T), and `h` (T, d), the output projection of `mix`.
    """

    family = "affine"
    type_name, label, icon = "self_attention", "Self-attention", "layer_attention"
    order = 54
    description = "Every position asks all positions, and gathers what answers: the heart of a transformer."
    axes: ClassVar = {"scores": PAIRS, "masked": PAIRS, "attention": PAIRS}
    value_words: ClassVar[Mapping[str, str]] = {"masked": "masked scores"}
    featured = ("attention",)
    options = (
        IntOption("heads", 1, "how many times, side by side, each with its part of the width", maximum=1000),
        BoolOption("causal", False, "whether a position sees itself and those before it alone"),
        EntryOption(
            "weight_init",
            "glorot_uniform",
            "what the W are drawn from",
            "Weight initialiser",
            initializers,
        ),
        EntryOption("bias_init", "zeros", "what the b are drawn from", "Bias initialiser", initializers),
    )

    def output_shape(self, options: Options, inputs: Sequence[Shape]) -> Shape:
        if len(inputs[0]) != 2:
            raise ShapeError(
                f"takes sequences (positions, features), gets {shape_text(inputs[0])}",
                "put an embedding before it, or give the input layer a shape such as 8, 16",
            )
        (positions, width), heads = inputs[0], options["heads"]
        if width % heads:
            near = [str(count) for count in range(1, min(width, 64) + 1) if width % count == 0]
            raise ShapeError(
                f"{heads} heads do not divide the {width} features of its input",
                f"use {' or '.join([', '.join(near[:-1]), near[-1]] if len(near) > 1 else near)}",
                ("heads", max(int(count) for count in near if int(count) <= heads)),
            )
        if heads * positions * positions > LARGEST_SIZE:
            raise ShapeError(
                f"would score {heads * positions * positions:,} pairs of positions a sample;"
                f" {LARGEST_SIZE:,} is the most",
                "use shorter sequences or fewer heads",
            )
        return inputs[0]

    def parameters(self, options: Options, inputs: Sequence[Shape]) -> tuple[ParameterSpec, ...]:
        width = inputs[0][1]
        weights = [ParameterSpec(f"weight_{of}", (width, width), options["weight_init"], True) for of in PROJECTIONS]
        biases = [ParameterSpec(f"bias_{of}", (width,), options["bias_init"], False) for of in PROJECTIONS]
        return (*weights, *biases)

    def lower(self, name: str, options: Options, inputs: Sequence[Ref], shapes: Sequence[Shape]) -> Lowering:
        heads = options["heads"]

        def projection(of: str, source: Ref, result: Ref) -> Node:
            return Node(name, Affine(), (source, Ref(name, f"weight_{of}"), Ref(name, f"bias_{of}")), result)

        query, key, value = (Ref(name, role) for role in PROJECTIONS[:3])
        scores, masked, attention = (Ref(name, role) for role in ("scores", "masked", "attention"))
        mix, h = Ref(name, "mix"), Ref(name, "h")
        nodes = [projection(made.role, inputs[0], made) for made in (query, key, value)]
        nodes.append(Node(name, Scores(heads), (query, key), scores))
        if options["causal"]:
            nodes.append(Node(name, CausalMask(), (scores,), masked))
        nodes.append(Node(name, Softmax(), (masked if options["causal"] else scores,), attention))
        nodes.append(Node(name, Mix(heads), (attention, value), mix))
        nodes.append(projection("output", mix, h))
        return Lowering(tuple(nodes), h)

    def to_pytorch(self, context: LayerContext) -> LayerCode:
        causal = ", causal=True" if context.options["causal"] else ""
        renamed = {f"{kind}_{of}": f"{of}.{kind}" for of in PROJECTIONS for kind in ("weight", "bias")}
        make = f"SelfAttention({context.shapes[0][1]}, heads={context.options['heads']}{causal})"
        return LayerCode(context.module_call, make, renamed, SELF_ATTENTION)

    def summary(self, options: Options) -> str:
        count = options["heads"]
        return f"{self.label}  {count} head{'s' if count > 1 else ''}{'  causal' if options['causal'] else ''}"


layer_types.register(SelfAttention())
