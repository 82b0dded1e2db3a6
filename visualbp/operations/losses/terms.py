"""Where a loss, and its gradient for each prediction, came from: every loss as a sum of products.

Each is a few `Product`s of arrays with one entry for each element of the batch. On the way forward all elements are
added up; on the way back the one that is asked for is looked at alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import numpy as np

from visualbp.core.arrays import Array, Shape
from visualbp.core.number_words import Index, unraveled
from visualbp.operations.losses.equations import LossEquations
from visualbp.operations.terms import Block, Draft, Element, Factor, constant, one_term
from visualbp.operations.words import Told

PREDICTION, TARGET = 0, 1


class Part(NamedTuple):
    """One factor for each element: its numbers, its symbol (`{p}` and `{t}` stand for prediction and target), the
    operand that it comes from, and its meaning, empty for the operand itself; and a word for the head of its column. A
    symbol with both comes from both."""

    numbers: Array
    symbol: str
    operand: int
    meaning: str = ""
    word: str = ""


@dataclass(frozen=True, eq=False)
class Product:
    """scale x parts, element by element."""

    scale: float
    scale_symbol: str
    parts: tuple[Part, ...]


class LossTerms(LossEquations):
    """A loss that can take its numbers apart."""

    label: ClassVar[str] = ""
    glossary: ClassVar[Mapping[str, str]] = {"one": "1", "that of": "log", "targets": "target", "sample": ""}
    delta_is_difference: ClassVar[bool] = False
    """Whether the gradient is what was predicted, minus the target."""

    @property
    def spoken(self) -> str:
        """The label within a sentence; an abbreviation keeps its capitals."""
        first, *others = self.label.split(" ")
        return " ".join((first if first.isupper() else first.lower(), *(word.lower() for word in others)))

    def averaged_over(self, shape: Shape) -> int:
        """Return the count that the sum is divided by."""
        raise TypeError(f"{self.name} does not say what it is a mean of")

    def products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        """Return the products that add up to the loss; `count` is what it averages over."""
        raise TypeError(f"{self.name} has no products")

    def gradient_products(self, prediction: Array, target: Array, count: float) -> tuple[Product, ...]:
        """Return the products that add up to the gradient of each prediction."""
        raise TypeError(f"{self.name} has no products")

    def terms(self, element: Element) -> Draft:
        blocks = []
        for product in self._products(element, forward=True):
            numbers = np.full_like(product.parts[0].numbers, product.scale)
            with np.errstate(all="ignore"):
                for part in product.parts:
                    numbers = numbers * part.numbers
            factors = partial(self._factors_at, element, product, numbers.shape)
            blocks.append(Block(numbers.reshape(-1), factors, partial(self._label_at, element, numbers.shape)))
        symbols = [element.operand_symbol(place) for place in (PREDICTION, TARGET)]
        rule = f"{self.spoken}: one part from each output of each sample, added up"
        return Draft(self.right_hand_side(symbols), rule, blocks)

    def vjp_terms(self, element: Element) -> Draft:
        products = self._products(element, forward=False)
        terms = [self._factors(element, product, element.index) for product in products]
        formula = " + ".join(r" \, ".join(factor.symbol for factor in factors) for factors in terms)
        rule = f"the derivative of {self.spoken} by this prediction"
        if self.delta_is_difference:
            rule += ": what was predicted, minus the target"
        return Draft(formula.replace("+ -", "- "), rule, [one_term(*factors) for factors in terms])

    def _products(self, element: Element, forward: bool) -> tuple[Product, ...]:
        prediction, target = (element.array(place).astype(np.float64) for place in (PREDICTION, TARGET))
        products = self.products if forward else self.gradient_products
        with np.errstate(all="ignore"):
            return products(prediction, target, self.averaged_over(prediction.shape))

    def _factors(self, element: Element, product: Product, index: Index) -> tuple[Factor, ...]:
        scale = constant(
            product.scale, self._scale_symbol(element, product), "the weight of one element in the mean"
        ).called("share")
        symbols = {"{p}": element.input_symbol(PREDICTION, index), "{t}": element.input_symbol(TARGET, index)}
        factors = [scale]
        for part in product.parts:
            symbol = part.symbol
            for letter, text in symbols.items():
                symbol = symbol.replace(letter, text)
            number = float(part.numbers[index])
            if part.meaning:
                derived = element.derived(number, symbol, part.operand, index, part.meaning).called(part.word)
                both = "{p}" in part.symbol and "{t}" in part.symbol
                factors.append(element.with_operand(derived, TARGET) if both else derived)
            else:
                factors.append(element.input(part.operand, index).called(part.word))
        return tuple(factors)

    def _scale_symbol(self, element: Element, product: Product) -> str:
        """Return the symbol of the scale, with all that the loss divides by: B, or B T for a sequence."""
        count = self.count_of(element.operand_symbol(PREDICTION))
        return product.scale_symbol.replace("{B}", f"{{{count}}}") if "B" in count else product.scale_symbol

    def _factors_at(self, element: Element, product: Product, shape: Shape, i: int) -> tuple[Factor, ...]:
        return self._factors(element, product, unraveled(i, shape))

    @staticmethod
    def _label_at(element: Element, shape: Shape, i: int) -> str:
        return element.sample_text(PREDICTION, unraveled(i, shape))


def prediction_part(p: Array) -> Part:
    """Return the prediction as a factor."""
    return Part(p, "{p}", PREDICTION, word="prediction")


def target_part(y: Array) -> Part:
    """Return the target as a factor."""
    return Part(y, "{t}", TARGET, word="target")


def difference_part(p: Array, y: Array) -> Part:
    """Return prediction minus target as a factor."""
    return Part(
        p - y,
        r"\left({p} - {t}\right)",
        PREDICTION,
        Told("prediction minus target", "number == prediction - target"),
        "error",
    )
