"""What a normalisation says of itself: in symbols, in words, in shapes, and in lines of NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from visualbp.core.arrays import Shape
from visualbp.core.number_words import Index, pixel_text, row_text
from visualbp.operations.normalization.rule import NormalizationRule
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.symbols import SAMPLE, Symbol, exact, summed
from visualbp.operations.words import ShapeTexts, Told, Words

X_HAT, MEAN, VARIANCE = r"\hat{x}", r"\mu", r"\sigma^{2}"

NORMALIZED = """\
def normalized(x, sums, axes, count, epsilon):
    mean = sums(x) * (1.0 / count)
    variance = sums((x - mean) * (x - mean)) * (1.0 / count)
    inverse = 1.0 / np.sqrt(variance + epsilon)
    x_hat = (x - mean) * inverse
    largest = np.max(np.abs(x), axis=axes, keepdims=True)
    wrong = np.isfinite(largest) & ~np.isfinite(variance)
    if wrong.any():  # squares of huge numbers overflowed: these groups again, scaled by their largest number
        scaled = x / np.where(largest > 0.0, largest, 1.0)
        center = np.mean(scaled, axis=axes, keepdims=True)
        scaled = scaled - center
        deviation = np.sqrt(np.mean(scaled * scaled, axis=axes, keepdims=True))
        whole = np.hypot(deviation * largest, float(np.sqrt(epsilon)))
        mean = np.where(wrong, center * largest, mean)
        inverse = np.where(wrong, 1.0 / whole, inverse)
        x_hat = np.where(wrong, scaled * np.where(deviation > 0.0, largest / whole, 0.0), x_hat)
    return x_hat, inverse, mean, variance
"""
"""x hat, one over the deviation, the mean and the variance; `sums` adds up each group, over `axes`, of `count`."""


CHANNEL_SUMS = """\
def channel_sums(values):  # (B, C) or (B, C, places); a product with ones is the fastest sum
    channels, places = values.shape[1], values[0, 0].size
    shape = (1, channels) + (1,) * (values.ndim - 2)
    if places > 1:
        values = values.reshape(-1, places) @ np.ones(places, values.dtype)
    rows = values.reshape(-1, channels)
    return (np.ones(len(rows), rows.dtype) @ rows).reshape(shape)
"""


@dataclass(frozen=True)
class Places:
    """The letters of a normalisation's axes: of x, of its weight, of the group's statistics; the letters that a mean
    runs over, those of its summand, and the count that it divides by. Where the sum is over some of the channels only,
    `member` is 1 for these and else 0, and `definition` says what it speaks of."""

    x: tuple[str, ...]
    weight: tuple[str, ...]
    group: tuple[str, ...]
    summed: tuple[str, ...]
    summand: tuple[str, ...]
    count: str
    member: str = ""
    definition: str = ""

    @property
    def over(self) -> str:
        """The sum over a group."""
        return f"{summed(*self.summed)} {self.member}".rstrip()

    @property
    def where(self) -> str:
        """The definition as a line of its own."""
        return rf", \quad {self.definition}" if self.definition else ""

    def of_x(self, name: str) -> str:
        """Return a letter with the index of an element of x."""
        return f"{name}_{{{', '.join(self.x)}}}"

    def of_group(self, name: str) -> str:
        """Return a letter with the index of a group; without one where there is a single group."""
        return f"{name}_{{{', '.join(self.group)}}}" if self.group else name


class NormalizationWords(NormalizationRule):
    """What normalisations say of themselves."""

    sums: ClassVar[str] = ""
    """The name of the helper that adds up each group."""

    # -- in symbols --------------------------------------------------------------------------------------------------

    def places(self, x: Symbol, weight: Symbol) -> Places:
        """Return the letters of the axes of x, of its weight, of a group's statistics, and what these are means of."""
        raise TypeError(f"{self.name} has no letters")

    def _definition(self, x: Symbol, places: Places) -> str:
        """Return what x hat is, with its mean and variance, as lines of their own."""
        mean, variance, each = places.of_group(MEAN), places.of_group(VARIANCE), places.of_x(X_HAT)
        centered = rf"{x.at(*places.x)} - {mean}"
        over, member = places.over, x.at(*places.summand)
        return (
            rf", \quad {each} = \frac{{{centered}}}{{\sqrt{{{variance} + \epsilon}}}}"
            rf", \; \epsilon = {exact(self.epsilon)}, \quad {mean} = \frac{{1}}{{{places.count}}} {over} {member}"
            rf", \quad {variance} = \frac{{1}}{{{places.count}}} {over} \left({member} - {mean}\right)^{{2}}"
            f"{places.where}"
        )

    def equation(self, output: Symbol, operands: Sequence[Symbol]) -> str:
        x, weight, bias = operands[:3]
        places = self.places(x, weight)
        scaled = rf"{weight.at(*places.weight)} \, {places.of_x(X_HAT)} + {bias.at(*places.weight)}"
        return f"{output.at(*places.x)} = {scaled}{self._definition(x, places)}"

    def vjp_equation(
        self, operand: int, result: Symbol, upstream: Symbol, output: Symbol, operands: Sequence[Symbol]
    ) -> str:
        x, weight = operands[:2]
        places, name = self.places(x, weight), self.operand_name(operand)
        if name in ("weight", "bias"):
            all_places = (SAMPLE, *places.x)
            over = summed(*(letter for letter in all_places if letter not in places.weight))
            rule = f"{result.at(*places.weight)} = {over} {upstream.at(*all_places)}"
            if name == "bias":
                return rule
            return rf"{rule} \, \hat{{x}}_{{{', '.join(all_places)}}}{self._definition(x, places)}"
        g, mean, along = places.of_x("g"), places.of_group(r"\bar{g}"), places.of_group("r")
        slope = rf"\frac{{1}}{{\sqrt{{{places.of_group(VARIANCE)} + \epsilon}}}}"
        inner = rf"\left({g} - {mean} - {along} \, {places.of_x(X_HAT)}\right)"
        over, member = rf"\frac{{1}}{{{places.count}}} {places.over}", ", ".join(places.summand)
        return (
            rf"{result.at(*places.x)} = {slope} {inner}, \quad {g} = {weight.at(*places.weight)} \,"
            rf" {upstream.at(*places.x)}, \quad {mean} = {over} g_{{{member}}}, \;"
            rf" {along} = {over} g_{{{member}}} \, \hat{{x}}_{{{member}}}{self._definition(x, places)}"
        )

    # -- in words ----------------------------------------------------------------------------------------------------

    def vjp_sentence(self, words: Words) -> str:
        match self.operand_name(words.operand):
            case "weight":
                return f"times x hat, summed over all that it scales, is {words.result}"
            case "bias":
                return f", summed over all that it shifts, is {words.result}"
            case _:
                return f"goes back to {words.source}, less what moves the mean and the deviation {self.sharing(words)}"

    def sharing(self, words: Words) -> str:
        """Return whose mean and deviation these are, after `the mean and the deviation`."""
        raise TypeError(f"{self.name} has no words")

    def shapes_text(self, shapes: ShapeTexts) -> str:
        x, weight, bias = shapes.operands[:3]
        claim = "{*weight} <= {*x} and x == result and bias == weight"
        return Told("=  {weight} * {x} + {bias}", claim, weight=weight, x=x, bias=bias)

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        match self.operand_name(shapes.operand):
            case "weight":
                return f"=  sum of {shapes.upstream} * {shapes.operands[0]}"
            case "bias":
                return f"=  sum of {shapes.upstream}"
            case _:
                return super().vjp_shapes_text(shapes)

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def count_text(self, code: NumpyCode) -> str:
        """Return how many numbers share a mean, as an expression: the last batch of an epoch can be smaller."""
        raise TypeError(f"{self.name} has no lines of NumPy")

    def parameter_sums(self, values: str, code: NumpyCode) -> str:
        """Return the sum of `values` over all that meet the same weight, as an expression."""
        raise TypeError(f"{self.name} has no lines of NumPy")

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        x, weight, bias = code.operands[:3]
        layout = self.layout(code.shapes[0], code.shapes[1])
        kept = ", ".join(code.kept(name) for name in ("x_hat", "inverse", "mean", "variance"))
        values = laid_out(x, code.shapes[0], layout.view)
        scale, shift = (laid_out(name, code.shapes[1], layout.parameters) for name in (weight, bias))
        scaled = f"{code.kept('x_hat')} * {scale} + {shift}"
        return [
            f"{kept} = normalized({values}, {self.sums}, {layout.axes}, {self.count_text(code)}, {self.epsilon!r})",
            f"{code.output} = {laid_out(scaled, layout.view, code.output_shape)}",
        ]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        layout = self.layout(code.output_shape, code.shapes[1])
        delta, x_hat = laid_out(code.upstream, code.output_shape, layout.view), code.kept("x_hat")
        match self.operand_name(code.operand):
            case "weight":
                return [f"{code.result} = {self.parameter_sums(f'{delta} * {x_hat}', code)}"]
            case "bias":
                return [f"{code.result} = {self.parameter_sums(delta, code)}"]
        weight = laid_out(code.operands[1], code.shapes[1], layout.parameters)
        g, slope, share = code.kept("g"), code.kept("inverse"), f"(1.0 / {self.count_text(code)})"
        if not self.weight_varies_in_group:
            slope = f"({slope} * {weight})"
        mean, along = f"{self.sums}({g}) * {share}", f"({self.sums}({g} * {x_hat}) * {share})"
        rule = f"({g} - {x_hat} * {along} - {mean}) * {slope}"
        return [
            f"{g} = {delta} * {weight}" if self.weight_varies_in_group else f"{g} = {delta}",
            f"{code.result} = {laid_out(rule, layout.view, code.shapes[0])}",
        ]


def channel_places(x: Symbol) -> tuple[str, ...]:
    """Return the letters of the axes of x (C, ...), the channel first."""
    return ("c", "i", "j", "k")[: len(x.shape)]


def place_in_channel(index: Index) -> str:
    """Return where in its channel an element (sample, channel, ...) is: `sample 2, row 3, column 5`."""
    sample, _, *places = index
    return pixel_text(sample, *places) if len(places) == 2 else row_text((sample, *places))


def laid_out(expression: str, shape: Shape, wanted: Shape) -> str:
    """Return an expression of an array of one shape as one of another, whatever the number of its rows."""
    if shape == wanted or (len(wanted) == 2 and wanted == (1, *shape)):  # a row meets every row as it is
        return expression
    first, *others = wanted
    dims = ", ".join(map(str, (first if first == 1 else -1, *others)))
    return f"{f'({expression})' if ' ' in expression else expression}.reshape({dims})"
