"""How an activation is written down: its function by name, and what the function and its slope are, in z and h."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from visualbp.core.pytorch_code import ExportError, FunctionClasses
from visualbp.operations.base import Operation
from visualbp.operations.symbols import Symbol, has_letter, letters_text


class ActivationEquations(Operation):
    """The part of an activation that is written, not computed."""

    type_name: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    """sigma(z) in LaTeX."""
    derivative_formula: ClassVar[str] = ""
    """sigma'(z) in LaTeX, in z and h."""
    letters: Mapping[str, float | str] = MappingProxyType({})
    """What other letters in the two stand for."""
    pytorch: ClassVar[str] = ""
    """sigma(z) in PyTorch, where `{z}` is what it is applied to, and options are put in by their names: `{slope}`."""
    option_values: Mapping[str, Any] = MappingProxyType({})

    @property
    def function_text(self) -> str:
        """The function's name in LaTeX."""
        return rf"\text{{{self.type_name.replace('_', '-')}}}"

    def used_letters(self, *formulas: str) -> dict[str, float | str]:
        """Return the letters that formulas need, and what they stand for."""
        text = " ".join(formulas)
        found = {name: meaning for name, meaning in self.letters.items() if has_letter(text, name)}
        within = " ".join(str(meaning) for meaning in found.values())
        return {**found, **{name: meaning for name, meaning in self.letters.items() if has_letter(within, name)}}

    def right_hand_side(self, operands: Sequence[Symbol]) -> str:
        return rf"{self.function_text}\left({operands[0]}\right)"

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        rule = super().equation(output, operands)
        if self.formula == rf"\{self.type_name}(z)":  # the name says it all
            return rule
        return rule + letters_text({f"{self.function_text}(z)": self.formula, **self.used_letters(self.formula)})

    def slope_text(self) -> str:
        """Return what sigma'(z) is, and what h and the letters in it are, as a line."""
        said: dict[str, float | str] = {r"\sigma'(z)": self.derivative_formula}
        if has_letter(self.derivative_formula, "h"):
            said["h"] = self.formula
        return letters_text({**said, **self.used_letters(*map(str, said.values()))})

    def to_pytorch(self, z: str, functions: FunctionClasses) -> str:
        """Return the activation of the code `z` as an expression. Raises ExportError."""
        if not self.pytorch:
            raise ExportError(f"the activation {self.type_name} has no form in PyTorch")
        return self.pytorch.format(z=z, **self.option_values)
