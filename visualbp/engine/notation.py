"""A plan in the document's notation: symbols and equations in LaTeX, shapes and sentences in plain text, pseudo-code.

l counts the layers in the order in which they run: the input is layer 0, the loss has no number. All LaTeX keeps to
what `ziamath` can set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache

from visualbp.core.ref import Ref, Sender
from visualbp.engine.algorithm import Algorithm
from visualbp.engine.notation_sentences import sentence_of
from visualbp.engine.plan import GRADIENT_NORM, LEARNING_RATE, Phase, Plan, Step
from visualbp.engine.step_shapes import shapes_of_step
from visualbp.layers import Node
from visualbp.operations.symbols import Symbol, exact, letters_text
from visualbp.optimizers.base import make_optimizer
from visualbp.optimizers.schedules import make_schedule

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
ALL_GRADIENTS, ETA, ETA_0 = r"\nabla \mathcal{L}", r"\eta", r"\eta_0"

MOST_SHOWN, MOST_ADDED = 3, 4
"""A list, and a sum, of more terms are abbreviated."""


def words_in_latex(text: str) -> str:
    r"""Return a name as upright text: `\text{leaky relu}` for leaky_relu."""
    return rf"\text{{{text.replace('_', ' ').replace('/', ' ')}}}"


def derivative(of: str, by: str) -> str:
    """Return the partial derivative of one symbol by another, as a fraction in LaTeX."""
    return rf"\frac{{\partial {of}}}{{\partial {by}}}"


@lru_cache(maxsize=4)
def layer_numbers(plan: Plan) -> Mapping[str, int]:
    """Return l of each layer that runs, as the equations count them: 0 for the input. The loss has none."""
    names = dict.fromkeys((plan.input.layer, *plan.layers))
    return {name: number for number, name in enumerate(name for name in names if name != plan.loss.layer)}


class Notation:
    """The symbols of one plan. Any name of a value will do: aliases are looked up."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._numbers = layer_numbers(plan)
        self._parameters = {info.value for info in plan.parameters}
        self._gradients = {value.gradient for value in self._parameters}
        self._optimizer = make_optimizer(plan.network.training.optimizer)
        self._takes_logits = plan.loss_rule.expects == "logits"

    def layer_number(self, name: str) -> int | None:
        """Return l of a layer: 0 for the input, None for the loss and for what does not run."""
        return self._numbers.get(name)

    # -- symbols -----------------------------------------------------------------------------------------------------

    def symbol(self, value: Ref) -> Symbol:
        """Return the LaTeX of a value, such as `W^{(2)}`, and its shape; no two values of a plan have the same."""
        value = self.plan.resolve(value)
        return self._shaped(self._latex(value), value)

    def _shaped(self, latex: str, value: Ref) -> Symbol:
        return Symbol(latex, self.plan.shapes.get(value, ()), value in self.plan.batched)

    def _latex(self, value: Ref) -> str:
        if value == GRADIENT_NORM:
            return rf"\left\lVert {ALL_GRADIENTS} \right\rVert"
        if value == LEARNING_RATE:
            return r"\eta"
        if value.sender is not None:
            return self._part_symbol(value, value.sender)
        if value.is_delta:
            return rf"\boldsymbol{{\delta}}{self._index(value)}{_below(value.time)}"
        if value.is_gradient:
            return derivative(LOSS, self.symbol(value.of))
        if value in (self.plan.loss, self.plan.target, self.plan.penalty):
            return {self.plan.loss: LOSS, self.plan.target: TARGET}.get(value, PENALTY)
        if value == self.plan.prediction and value.role == "h" and value != self.plan.input and not self._takes_logits:
            return PREDICTION
        return self._own_symbol(value)

    def _own_symbol(self, value: Ref) -> str:
        if value.is_slot:
            slot = SLOT_SYMBOLS.get(value.slot, words_in_latex(value.slot))
            return rf"{slot}_{{{self._own_symbol(value.of)}}}"
        kind, _, which = value.role.partition("_")
        if (value in self._parameters and kind in ("weight", "bias")) or value.role == "weight":
            below = _below(words_in_latex(which)) if which else ""
            return {"weight": "W", "bias": r"\mathbf{b}"}[kind] + self._index(value) + below
        if value.role in ATTENTION_SYMBOLS:
            return ATTENTION_SYMBOLS[value.role] + self._index(value)
        return _letter(value.role, value.time, self._index(value))

    def _index(self, value: Ref) -> str:
        number = self._numbers.get(value.layer)
        return f"^{{({number})}}" if number is not None else f"^{{{words_in_latex(value.layer)}}}"

    def _part_symbol(self, value: Ref, sender: Sender) -> str:
        made = ATTENTION_SYMBOLS.get(sender.role, words_in_latex(sender.role)) if sender.role else ""
        made += f" {words_in_latex(sender.operand)}" if sender.operand else ""
        if value.is_told_by_time:
            return self._sent(value, f"t = {sender.time}")
        if value.is_from_own_time_step:
            return self._sent(value, _letter(sender.role, sender.time))
        if sender.layer == value.layer and made:
            return self._sent(value, made)
        if sender.layer == self.plan.loss.layer:
            return self._sent(value, LOSS)
        number = self._numbers.get(sender.layer)
        layer = words_in_latex(sender.layer) if number is None else f"({number})"
        return self._sent(value, f"{layer} {made}".strip())

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
                return f"{result} = {self._sum_of_parts(step)}"
            case "gather":
                parts = r", \, ".join(self._shown(step.reads))
                return rf"{result} = \left[{parts}\right]"
            case "penalty" if step.phase == Phase.FORWARD:
                terms = [r"\lambda_1 \sum_{w} \left|w\right|"] if training.l1 else []
                terms += [r"\frac{\lambda_2}{2} \sum_{w} w^{2}"] if training.l2 else []
                weights = r", \; w \in \text{all weights, not the biases}"
                return f"{result} = {' + '.join(terms)}{self._penalty_letters()}{weights}"
            case "penalty":
                weight = self.symbol(step.reads[0])
                terms = [rf"\lambda_2 {weight}"] if training.l2 else []
                terms += [rf"\lambda_1 \, \text{{sign}}\left({weight}\right)"] if training.l1 else []
                return rf"{result} \leftarrow {result} + {' + '.join(terms)}{self._penalty_letters()}"
            case "clip" if training.clip is not None and training.clip.by == "norm":
                total, limit = self.symbol(GRADIENT_NORM), exact(training.clip.limit)
                factor = rf"\min\left(1, \frac{{{limit}}}{{{total} + 10^{{-6}}}}\right)"
                return rf"{ALL_GRADIENTS} \leftarrow {ALL_GRADIENTS} \cdot {factor}"
            case "clip" if training.clip is not None:
                limit = exact(training.clip.limit)
                return rf"{ALL_GRADIENTS} \leftarrow \max(-{limit}, \min({limit}, {ALL_GRADIENTS}))"
            case "schedule":
                return f"{make_schedule(training.schedule).equation(result)}, \\; {self._rate_text(ETA_0)}"
            case "update":
                rule = self._optimizer.equation(result, self.symbol(step.writes[0].gradient))
                letters = letters_text(self._optimizer.letters)
                if training.schedule.type == "constant":
                    letters = rf", \quad {self._rate_text(ETA)}" + letters.replace(r"\quad", r"\;", 1)
                return rule + letters
        raise ValueError(f"no step is called {step.operation}")

    def _rate_text(self, letter: str) -> str:
        return f"{letter} = {exact(float(self.plan.network.training.optimizer.options['learning_rate']))}"

    def _penalty_letters(self) -> str:
        training = self.plan.network.training
        sizes = {r"\lambda_1": training.l1, r"\lambda_2": training.l2}
        return letters_text({letter: size for letter, size in sizes.items() if size})

    def _sum_of_parts(self, step: Step) -> str:
        """Return the sum of what comes back on several paths; of many, with a letter for the path."""
        shared = [part for part in step.reads if part.is_from_own_time_step and part.time is None]
        times = [part.sender.time for part in shared if part.sender is not None]
        known = sorted(time for time in times if time is not None)
        if len(known) == len(step.reads) and known == list(range(known[0], known[0] + len(known))):
            return rf"\sum_{{t = {known[0]}}}^{{{known[-1]}}} {self._sent(step.writes[0], 't')}"
        if len(step.reads) > MOST_ADDED:
            return rf"\sum_{{s}} {self._sent(step.writes[0], 's')}"
        return " + ".join(self.symbol(value) for value in step.reads)

    def _sent(self, value: Ref, sender: str) -> str:
        """Return the symbol of the part of a gradient that a sender sends back."""
        whole = self.symbol(value.whole)
        is_letter = value.is_delta and value.time is None
        return rf"{whole}_{{\leftarrow {sender}}}" if is_letter else rf"\left({whole}\right)_{{\leftarrow {sender}}}"

    def _shown(self, values: Sequence[Ref]) -> list[str]:
        """Return the symbols of values that are read alike; of many, the first two, the last, and dots."""
        if len(values) <= MOST_SHOWN:
            return [self.symbol(value) for value in values]
        return [self.symbol(values[0]), self.symbol(values[1]), r"\cdots", self.symbol(values[-1])]

    def _node_equation(self, step: Step, node: Node) -> str:
        output, operands = self.symbol(node.output), [self.symbol(value) for value in node.operands]
        if step.phase == Phase.BACKWARD:
            upstream = Symbol(LOSS) if node.output == self.plan.loss else self.symbol(node.output.gradient)
            return node.operation.vjp_equation(step.operand, self.symbol(step.writes[0]), upstream, output, operands)
        if output == PREDICTION and node.operation.right_hand_side(operands):
            own = self._shaped(self._own_symbol(node.output), node.output)
            return f"{PREDICTION} = {node.operation.equation(own, operands)}"
        return node.operation.equation(output, operands)

    # -- the step in shapes ------------------------------------------------------------------------------------------

    def step_shapes(self, step: Step, batch_size: int) -> str:
        """Return the shapes of a step in plain text, such as `(2, 4)  =  (4, 2)^T (4, 4)`: rows are samples."""
        return shapes_of_step(self.plan, step, batch_size)

    # -- the step in words -------------------------------------------------------------------------------------------

    def step_sentence(self, step: Step) -> str:
        """Return one sentence that says what a step does."""
        return sentence_of(self.plan, step)

    # -- the step in the algorithm -----------------------------------------------------------------------------------

    def pseudocode(self) -> tuple[str, ...]:
        """Return the lines of the algorithm."""
        return self._algorithm.lines

    def pseudocode_line(self, step: Step) -> int:
        """Return the index of the line that a step is on."""
        return self._algorithm.line_of(step)

    @cached_property
    def _algorithm(self) -> Algorithm:
        return Algorithm(self.plan)


def _letter(role: str, time: int | None, index: str = "") -> str:
    """Return the symbol of a value that has no other. A role of one letter is a vector of that name, and one such as
    `z_f` is the z of f."""
    letter, _, which = role.partition("_")
    if len(letter) > 1:
        letter, which = role, ""
    below = [words_in_latex(which)] if which else []
    below += [] if time is None else [str(time)]
    symbol = rf"\mathbf{{{letter}}}" if len(letter) == 1 else words_in_latex(letter)
    return symbol + index + _below(", ".join(below))


def _below(text: str | int | None) -> str:
    return "" if text in ("", None) else f"_{{{text}}}"


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
