"""A plan in the document's notation: symbols and equations in LaTeX, shapes and sentences in plain text, pseudo-code.

l counts the layers in the order in which they run: the input is layer 0, the loss has no number. All LaTeX keeps to
what `ziamath` can set.
"""

from __future__ import annotations

from collections.abc import Sequence

from visualbp.engine.plan import GRADIENT_NORM, LEARNING_RATE, Phase, Plan, Step
from visualbp.engine.step_shapes import shapes_of_step
from visualbp.layers import Node, Value
from visualbp.operations.activations import Activation, Elementwise
from visualbp.operations.affine import Affine
from visualbp.operations.combination import Add, Concatenate, Multiply
from visualbp.operations.losses import BinaryCrossEntropyWithLogits, Loss, SoftmaxCrossEntropy
from visualbp.operations.recurrence import Stack
from visualbp.optimizers.base import make_optimizer
from visualbp.optimizers.schedules import make_schedule

PSEUDOCODE = (
    "Forward pass:",
    "  for l = 1 to L:",
    "    z[l] = W[l] @ h[l-1] + b[l]",
    "    h[l] = σ(z[l])",
    "  compute L(h[L], y)",
    "",
    "Backward pass:",
    "  δ[L] = ∂L/∂z[L]",
    "  for l = L-1 downto 1:",
    "    δ[l] = (W[l+1].T @ δ[l+1]) * σ'(z[l])",
    "",
    "  for l = 1 to L:",
    "    ∂L/∂W[l] = δ[l] @ h[l-1].T",
    "    ∂L/∂b[l] = δ[l]",
    "",
    "Update:",
    "  for l = 1 to L:",
    "    W[l] -= rate * ∂L/∂W[l]",
    "    b[l] -= rate * ∂L/∂b[l]",
)
"""The document's "Algorithm Summary", and what it leaves to the optimiser."""

LOAD_LINE, Z_LINE, H_LINE, LOSS_LINE, OUTPUT_DELTA_LINE, DELTA_LINE = 0, 2, 3, 4, 7, 9
WEIGHT_GRADIENT_LINE, BIAS_GRADIENT_LINE, UPDATE_LINE, WEIGHT_UPDATE_LINE, BIAS_UPDATE_LINE = 12, 13, 15, 17, 18

SLOT_SYMBOLS = {
    "velocity": r"\mathbf{v}",
    "first_moment": "m",
    "second_moment": "v",
    "square_sum": "s",
    "square_average": "s",
    "mean_gradient": "m",
}

ATTENTION_SYMBOLS = {
    "query": "Q",
    "key": "K",
    "value": "V",
    "scores": "S",
    "masked": r"\tilde{S}",
    "attention": "A",
    "mix": "M",
}

LOSS, PREDICTION, TARGET, PENALTY = r"\mathcal{L}", r"\hat{\mathbf{y}}", r"\mathbf{y}", r"\Omega"
ALL_GRADIENTS = r"\nabla \mathcal{L}"

MOST_SHOWN = 6
"""A sum of more terms is abbreviated."""


def words_in_latex(text: str) -> str:
    r"""Return a name as upright text: `\text{leaky relu}` for leaky_relu."""
    return rf"\text{{{text.replace('_', ' ').replace('/', ' ')}}}"


def derivative(of: str, by: str) -> str:
    return rf"\frac{{\partial {of}}}{{\partial {by}}}"


class Notation:
    """The symbols of one plan. Any name of a value will do: aliases are looked up."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._numbers: dict[str, int] = {}
        for name in (plan.input.layer, *plan.layers):
            if name != plan.loss.layer and name not in self._numbers:
                self._numbers[name] = len(self._numbers)
        self._parameters = {info.value for info in plan.parameters}
        self._optimizer = make_optimizer(plan.network.training.optimizer)
        self._takes_logits = isinstance(plan.loss_rule, SoftmaxCrossEntropy | BinaryCrossEntropyWithLogits)

    def layer_number(self, name: str) -> int | None:
        """Return l of a layer: 0 for the input, None for the loss and for what does not run."""
        return self._numbers.get(name)

    # -- symbols -----------------------------------------------------------------------------------------------------

    def symbol(self, value: Value) -> str:
        """Return the LaTeX of a value, such as `W^{(2)}`; no two values of a plan have the same."""
        value = self.plan.resolve(value)
        if value == GRADIENT_NORM:
            return rf"\left\lVert {ALL_GRADIENTS} \right\rVert"
        if value == LEARNING_RATE:
            return r"\eta"
        if value.part:
            return self._part_symbol(value)
        if value.role == "delta":
            return rf"\boldsymbol{{\delta}}{self._index(value)}"
        if value.role == "upstream":
            return derivative(LOSS, self.symbol(Value(value.layer, "h")))
        if value.role.startswith("gradient/"):
            return derivative(LOSS, self.symbol(Value(value.layer, value.role.removeprefix("gradient/"))))
        if value in (self.plan.loss, self.plan.target, self.plan.penalty):
            return {self.plan.loss: LOSS, self.plan.target: TARGET}.get(value, PENALTY)
        if value == self.plan.prediction and value.role == "h" and value != self.plan.input and not self._takes_logits:
            return PREDICTION
        return self._own_symbol(value)

    def _own_symbol(self, value: Value) -> str:
        slot, _, parameter = value.role.partition("/")
        if parameter:
            of = self._own_symbol(Value(value.layer, parameter))
            return rf"{SLOT_SYMBOLS.get(slot, words_in_latex(slot))}_{{{of}}}"
        kind, _, which = value.role.partition("_")
        below = f"_{{{words_in_latex(which)}}}" if which else ""
        if (value in self._parameters and kind in ("weight", "bias")) or value.role == "weight":
            return {"weight": "W", "bias": r"\mathbf{b}"}[kind] + self._index(value) + below
        if value.role in ATTENTION_SYMBOLS:
            return ATTENTION_SYMBOLS[value.role] + self._index(value)
        role, _, time = value.role.removesuffix("]").partition("[")
        if role in ("x", "z", "h"):
            return rf"\mathbf{{{role}}}{self._index(value)}" + (f"_{{{time}}}" if time else "")
        return words_in_latex(value.role) + self._index(value)

    def _index(self, value: Value) -> str:
        number = self._numbers.get(value.layer)
        return f"^{{({number})}}" if number is not None else f"^{{{words_in_latex(value.layer)}}}"

    def _part_symbol(self, value: Value) -> str:
        layer, _, role = value.part.partition(".")
        if layer == self.plan.loss.layer:
            sender = LOSS
        elif layer in self._numbers:
            sender = f"({self._numbers[layer]})" + (rf" {words_in_latex(role)}" if role else "")
        else:
            sender = words_in_latex(value.part)
        whole = self.symbol(Value(value.layer, value.role))
        if value.role == "delta":
            return rf"{whole}_{{\leftarrow {sender}}}"
        return rf"\left({whole}\right)_{{\leftarrow {sender}}}"

    # -- the step in symbols -----------------------------------------------------------------------------------------

    def step_equation(self, step: Step) -> str:
        """Return the equation of a step in LaTeX."""
        if step.node is not None:
            return self._node_equation(step, step.node)
        training = self.plan.network.training
        result = self.symbol(step.writes[0]) if step.writes else ""
        match step.operation:
            case "load":
                return rf"{result}, \, {TARGET} \leftarrow \text{{the batch}}"
            case "accumulate":
                return f"{result} = {' + '.join(self._shown(step.reads))}"
            case "gather":
                parts = r", \, ".join(self._shown(step.reads))
                return rf"{result} = \left[{parts}\right]"
            case "penalty" if step.phase == Phase.FORWARD:
                terms = [r"\lambda_1 \sum |w|"] if training.l1 else []
                terms += [r"\frac{\lambda_2}{2} \sum w^2"] if training.l2 else []
                return f"{result} = {' + '.join(terms)}"
            case "penalty":
                weight = self.symbol(step.reads[0])
                terms = [rf"\lambda_2 {weight}"] if training.l2 else []
                terms += [rf"\lambda_1 \, \text{{sign}}\left({weight}\right)"] if training.l1 else []
                return rf"{result} \leftarrow {result} + {' + '.join(terms)}"
            case "clip" if training.clip is not None and training.clip.by == "norm":
                total, limit = self.symbol(GRADIENT_NORM), f"{training.clip.limit:g}"
                factor = rf"\min\left(1, \frac{{{limit}}}{{{total} + 10^{{-6}}}}\right)"
                return rf"{ALL_GRADIENTS} \leftarrow {ALL_GRADIENTS} \cdot {factor}"
            case "clip" if training.clip is not None:
                limit = f"{training.clip.limit:g}"
                cut = rf"g \leftarrow \max(-{limit}, \, \min({limit}, \, g))"
                return rf"{cut} \; \text{{for each}} \; g \; \text{{of}} \; {ALL_GRADIENTS}"
            case "schedule":
                return make_schedule(training.schedule).equation(result)
            case "update":
                return self._optimizer.equation(result, self.symbol(step.writes[0].gradient))
        raise ValueError(f"no step is called {step.operation}")

    def _shown(self, values: Sequence[Value]) -> list[str]:
        """Return the symbols of values that are read alike; of very many, the first, the last, and dots."""
        if len(values) <= MOST_SHOWN:
            return [self.symbol(value) for value in values]
        return [self.symbol(values[0]), self.symbol(values[1]), r"\cdots", self.symbol(values[-1])]

    def _node_equation(self, step: Step, node: Node) -> str:
        output, operands = self.symbol(node.output), [self.symbol(value) for value in node.operands]
        if step.phase == Phase.BACKWARD:
            upstream = LOSS if node.output == self.plan.loss else self.symbol(node.output.gradient)
            return node.operation.vjp_equation(step.operand, self.symbol(step.writes[0]), upstream, output, operands)
        if node.output == self.plan.prediction and not self._takes_logits:
            output = f"{PREDICTION} = {self._own_symbol(node.output)}"
        return node.operation.equation(output, operands)

    # -- the step in shapes ------------------------------------------------------------------------------------------

    def step_shapes(self, step: Step, batch_size: int) -> str:
        """Return the shapes of a step in plain text, such as `(2, 4)  =  (4, 2)^T (4, 4)`: rows are samples."""
        return shapes_of_step(self.plan, step, batch_size)

    # -- the step in words -------------------------------------------------------------------------------------------

    def step_sentence(self, step: Step) -> str:
        """Return one sentence that says what a step does."""
        target = step.writes[0] if step.writes else Value("", "")
        match step.operation:
            case "load":
                return f"A batch of samples comes in at {target.layer}, and its targets go to {step.writes[1].layer}."
            case "accumulate":
                words = self._words(target)
                return (
                    f"{words[0].upper()}{words[1:]} is the sum of what comes back on {len(step.reads)} paths:"
                    " the chain rule for several variables."
                )
            case "gather":
                words = self._words(target)
                return f"{words[0].upper()}{words[1:]} is put together from its {len(step.reads)} time steps."
            case "penalty" if step.phase == Phase.FORWARD:
                return "The penalty on large weights is added to what is minimised."
            case "penalty":
                return f"The penalty adds its own part to {self._words(target)}: it pulls the weights towards 0."
            case "clip":
                return self._clip_sentence()
            case "schedule":
                label = type(make_schedule(self.plan.network.training.schedule)).label.lower()
                return f"The schedule ({label}) sets the learning rate of this iteration."
            case "update":
                return f"{type(self._optimizer).label} moves {self._words(target)} against its gradient."
        if step.node is None:
            raise ValueError(f"no step is called {step.operation}")
        if step.phase == Phase.FORWARD:
            return self._forward_sentence(step.node)
        return self._backward_sentence(step, step.node)

    def _clip_sentence(self) -> str:
        clip = self.plan.network.training.clip
        limit = f"{clip.limit:g}" if clip else ""
        if clip is not None and clip.by == "value":
            return f"Every single gradient beyond {limit} in size is cut to it."
        return f"If all gradients together are longer than {limit}, all are scaled down to that length."

    def _words(self, value: Value) -> str:
        """Return a value in words: `hidden's z`, `the error signal of output`."""
        value = self.plan.resolve(value)
        layer = value.layer
        if value == self.plan.input:
            return f"{layer}'s samples"
        if value.role == "delta":
            return f"the error signal of {layer}"
        if value.role == "upstream":
            return f"the gradient of {layer}'s activations"
        if value.role.startswith("gradient/"):
            return f"the gradient of {self._words(Value(layer, value.role.removeprefix('gradient/')))}"
        kind, _, which = value.role.partition("_")
        name = {"h": "activations", "weight": "W", "bias": "b"}.get(kind, kind) + (f" {which}" if which else "")
        return f"{layer}'s {name}"

    def _forward_sentence(self, node: Node) -> str:
        layer, sources = node.layer, [self._words(value) for value in node.operands]
        kept = "kept for the way back"
        match node.operation:
            case Affine():
                bias = " and adds b" if len(node.operands) > 2 else ""
                return f"{layer} takes {sources[0]} through W{bias}: that is its {node.output.role}, {kept}."
            case Activation() as activation:
                return (
                    f"{layer} applies {type(activation).label} to {sources[0]}: that is its {node.output.role}, {kept}."
                )
            case Loss() as loss:
                return f"{layer} compares {sources[0]} with the targets: the {type(loss).label.lower()} of the batch."
            case Add():
                return f"{layer} adds up {_listed(sources)}."
            case Multiply():
                return f"{layer} multiplies {_listed(sources)}, element by element."
            case Concatenate():
                return f"{layer} puts {_listed(sources)} side by side."
            case Stack():
                return f"{layer} puts the states of its {len(sources)} time steps together."
        given = [words for words, value in zip(sources, node.operands, strict=True) if value in self.plan.batched]
        return f"{layer} computes {self._words(node.output)} from {_listed(given or sources)}, by {_plain_name(node)}."

    def _backward_sentence(self, step: Step, node: Node) -> str:
        operation, result = node.operation, self._words(step.writes[0])
        value = node.operands[step.operand]
        if isinstance(operation, Loss):
            simply = ""
            if isinstance(operation, SoftmaxCrossEntropy | BinaryCrossEntropyWithLogits):
                simply = ": prediction minus target"
            return f"The way back begins at {node.layer}: {result}{simply}."
        upstream = self._words(node.output.gradient)
        opening = upstream[0].upper() + upstream[1:]
        match operation:
            case Affine() if operation.operand_name(step.operand) == "weight":
                return f"{opening} times {self._words(node.operands[0])}, summed over the batch, is {result}."
            case Affine() if operation.operand_name(step.operand) == "bias":
                return f"{opening}, summed over the batch, is {result}."
            case Affine():
                return f"{opening} goes back through W to {self._words(value)}."
            case Elementwise() as activation:
                label = type(activation).label
                return f"{opening} times the slope of {label} at {self._words(value)} is {result}."
            case Add():
                return f"{opening} goes back unchanged to {self._words(value)}."
            case Multiply():
                return f"{opening} times the other factors goes back to {self._words(value)}."
            case Concatenate():
                return f"{opening} is cut into parts; this one goes back to {self._words(value)}."
        return f"{opening} goes back through {_plain_name(node)} to {self._words(value)}."

    # -- the step in the algorithm -----------------------------------------------------------------------------------

    def pseudocode(self) -> tuple[str, ...]:
        """Return the lines of the algorithm."""
        return PSEUDOCODE

    def pseudocode_line(self, step: Step) -> int:
        """Return the index of the line that a step is on."""
        result = step.writes[0] if step.writes else Value("", "")
        is_bias = result.role.removeprefix("gradient/").startswith("bias")
        if step.phase == Phase.LOAD:
            return LOAD_LINE
        if step.phase == Phase.UPDATE:
            if step.operation in ("clip", "schedule"):
                return UPDATE_LINE
            return BIAS_UPDATE_LINE if is_bias else WEIGHT_UPDATE_LINE
        if step.phase == Phase.FORWARD:
            if result in (self.plan.loss, self.plan.penalty):
                return LOSS_LINE
            return Z_LINE if result.role.partition("[")[0] in ("z", "weight") else H_LINE
        parameters = {value.gradient for value in self._parameters}
        if result._replace(part="") in parameters or result.role == "gradient/weight":
            return BIAS_GRADIENT_LINE if is_bias else WEIGHT_GRADIENT_LINE
        at_output = step.node is not None and step.node.output in (self.plan.loss, self.plan.prediction)
        through_weights = step.node is not None and isinstance(step.node.operation, Affine)
        return OUTPUT_DELTA_LINE if at_output and not through_weights else DELTA_LINE


def _plain_name(node: Node) -> str:
    return node.operation.name.replace("_", " ")


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def step_equation(plan: Plan, step: Step) -> str:
    """Return the equation of a step in LaTeX."""
    return Notation(plan).step_equation(step)


def step_shapes(plan: Plan, step: Step, batch_size: int) -> str:
    """Return the shapes of a step in plain text."""
    return Notation(plan).step_shapes(step, batch_size)


def step_sentence(plan: Plan, step: Step) -> str:
    """Return one sentence that says what a step does."""
    return Notation(plan).step_sentence(step)


def pseudocode(plan: Plan) -> tuple[str, ...]:
    """Return the lines of the algorithm that the plan carries out."""
    return Notation(plan).pseudocode()


def pseudocode_line(plan: Plan, step: Step) -> int:
    """Return the index of the line of `pseudocode` that a step is on."""
    return Notation(plan).pseudocode_line(step)
