r"""How a loss and its gradient are written down: an element's part, summed over the batch, over what is averaged.

In the formulas P stands for a prediction, Y for its target, A for y_hat where the prediction is a logit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from visualbp.core.arrays import Shape, size_of
from visualbp.core.pytorch_code import ExportError
from visualbp.operations.base import Operation
from visualbp.operations.symbols import SAMPLE, Symbol, batch_times, letters_text, summed

Y_HAT = r"\hat{\mathbf{y}}"
_LETTER = re.compile(r"(?<![A-Za-z\\])[PYA](?![A-Za-z])")


class LossEquations(Operation):
    """The part of a loss that is written, not computed."""

    type_name: ClassVar[str] = ""
    divisor: ClassVar[str] = "N"
    """What the sum is divided by: N, all elements of the batch; B, its samples; or B T, all their positions."""
    formula: ClassVar[str] = ""
    """An element's part of the loss in LaTeX."""
    gradient_formula: ClassVar[str] = ""
    """The gradient of a sample's predictions in LaTeX, but for the weight."""
    gradient_factor: ClassVar[str] = "1"
    """What stands above the divisor in the gradient."""
    answer_formula: ClassVar[str] = ""
    """y_hat of a sample in LaTeX, where the prediction is a logit."""
    pytorch: ClassVar[str] = ""
    """The loss in PyTorch, of `prediction` and `target`; options are put in by their names: `{delta}`."""
    pytorch_of_classes: ClassVar[str] = ""
    """The same where each target is a class, given by its index."""
    option_values: Mapping[str, Any] = MappingProxyType({})

    def count_of(self, prediction: Symbol) -> str:
        """Return what the sum is divided by, in LaTeX: a sample that is no sequence has one position."""
        return "B" if self.divisor == "B T" and not prediction.rows else self.divisor

    def letters(self, prediction: Symbol) -> dict[str, float | str]:
        """Return what the letters stand for."""
        match self.count_of(prediction):
            case "N":
                return {"N": batch_times(size_of(prediction.shape))}
            case "B T":
                return {"T": str(size_of(prediction.shape[:-1]))}
        return {}

    def _lettered(self, formula: str, prediction: Symbol, target: Symbol, *places: str) -> str:
        answer = Symbol(Y_HAT, prediction.shape, is_batched=True)
        texts = {"P": prediction.at(*places), "Y": target.at(*places), "A": answer.at(*places)}
        return _LETTER.sub(lambda found: texts[found.group()], formula)

    def _where(self, prediction: Symbol, target: Symbol, *places: str) -> str:
        """Return what the letters stand for, and y_hat of a logit, as a line."""
        said: dict[str, float | str] = {}
        if self.answer_formula:
            name = self._lettered("A", prediction, target, *places)
            said[name] = self._lettered(self.answer_formula, prediction, target, *places)
        return letters_text({**said, **self.letters(prediction)})

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        prediction, target = operands
        rows = (SAMPLE, *prediction.rows)
        part = self._lettered(self.formula, prediction, target, *rows, "k")
        return rf"\frac{{1}}{{{self.count_of(prediction)}}} {summed(*rows, 'k')} {part}"

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        prediction, target = operands
        where = self._where(prediction, target, SAMPLE, *prediction.rows)
        return f"{output} = {self.right_hand_side(operands)}{where}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        prediction, target = operands
        rows = prediction.rows if self.answer_formula.startswith(r"\text{softmax}") else ()
        sign, factor = ("-", self.gradient_factor[1:]) if self.gradient_factor[0] == "-" else ("", self.gradient_factor)
        weight = rf"{sign}\frac{{{factor}}}{{{self.count_of(prediction)}}}"
        part = self._lettered(self.gradient_formula, prediction, target, *rows)
        return f"{result.at(*rows)} = {weight} {part}{self._where(prediction, target, *rows)}"

    def to_pytorch(self, shape: Shape, of_classes: bool) -> str:
        """Return the loss as an expression of `prediction`, each sample's of this shape, and `target`; `of_classes`
        where targets are class indices. Raises ExportError."""
        rule = self.pytorch_of_classes if of_classes else self.pytorch
        if not rule:
            raise ExportError(f"the loss {self.type_name} has no form in PyTorch")
        return rule.format(**self.option_values)
