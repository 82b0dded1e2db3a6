"""How the loss, and its gradient for each prediction, come about: every loss as a sum of products.

Each is a few `Product`s of arrays with one entry for each element of the batch. On the way forward all elements are
added up; on the way back the one that is asked for is looked at alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from visualbp.analysis.explain_element import Element, explains, right_hand_side
from visualbp.analysis.explain_words import sample_text
from visualbp.core.arrays import Array, Shape
from visualbp.core.number_words import Index, unraveled
from visualbp.operations.losses import (
    LOG_FLOOR,
    PROBABILITY_FLOOR,
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    CrossEntropy,
    HalfSquaredError,
    Hinge,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SoftmaxCrossEntropy,
)
from visualbp.operations.terms import Block, Draft, Factor, constant, one_term

PREDICTION, TARGET = 0, 1


class Part(NamedTuple):
    """One factor for each element: its numbers, its symbol (`{p}` and `{t}` stand for prediction and target), the
    operand that it comes from, and its meaning, empty for the operand itself. A symbol with both comes from both."""

    numbers: Array
    symbol: str
    operand: int
    meaning: str = ""


@dataclass(frozen=True, eq=False)
class Product:
    """scale x parts, element by element."""

    scale: float
    scale_symbol: str
    parts: tuple[Part, ...]


Sums = Callable[[Loss, Array, Array, float], tuple[Product, ...]]
"""The products of a loss for (loss, prediction, target, the count that it averages over)."""


def _explains(loss: type[Loss], forward: Sums, backward: Sums) -> None:
    explains(loss, lambda element: _draft_forward(element, forward), lambda element: _draft_backward(element, backward))


def _products(element: Element, sums: Sums) -> tuple[Loss, tuple[Product, ...]]:
    loss = element.node.operation
    if not isinstance(loss, Loss):
        raise TypeError(f"{loss.name} is not a loss")
    prediction, target = (element.array(place).astype(np.float64) for place in (PREDICTION, TARGET))
    with np.errstate(all="ignore"):
        return loss, sums(loss, prediction, target, loss.averaged_over(prediction.shape))


def _factors(element: Element, product: Product, index: Index) -> tuple[Factor, ...]:
    scale = constant(product.scale, _scale_symbol(element, product), "the weight of one element in the mean")
    symbols = {"{p}": element.input_symbol(PREDICTION, index), "{t}": element.input_symbol(TARGET, index)}
    factors = [scale]
    for part in product.parts:
        symbol = part.symbol
        for letter, text in symbols.items():
            symbol = symbol.replace(letter, text)
        number = float(part.numbers[index])
        if part.meaning:
            derived = element.derived(number, symbol, part.operand, index, part.meaning)
            both = "{p}" in part.symbol and "{t}" in part.symbol
            factors.append(replace(derived, beside=(element.node.operands[TARGET],)) if both else derived)
        else:
            factors.append(element.input(part.operand, index))
    return tuple(factors)


def _scale_symbol(element: Element, product: Product) -> str:
    """Return the symbol of the scale, with all that the loss divides by: B, or B T for a sequence of T positions."""
    loss = element.node.operation
    if not isinstance(loss, Loss):
        raise TypeError(f"{loss.name} is not a loss")
    count = loss.count_of(element.past.notation.symbol(element.node.operands[PREDICTION]))
    return product.scale_symbol.replace("{B}", f"{{{count}}}") if "B" in count else product.scale_symbol


def _factors_at(element: Element, product: Product, shape: Shape, i: int) -> tuple[Factor, ...]:
    return _factors(element, product, unraveled(i, shape))


def _label_at(element: Element, shape: Shape, i: int) -> str:
    return sample_text(element.past.plan, element.node.operands[PREDICTION], unraveled(i, shape))


def _draft_forward(element: Element, sums: Sums) -> Draft:
    loss, products = _products(element, sums)
    blocks = []
    for product in products:
        numbers = np.full_like(product.parts[0].numbers, product.scale)
        with np.errstate(all="ignore"):
            for part in product.parts:
                numbers = numbers * part.numbers
        blocks.append(
            Block(
                numbers.reshape(-1),
                partial(_factors_at, element, product, numbers.shape),
                partial(_label_at, element, numbers.shape),
            )
        )
    symbols = [element.past.notation.symbol(value) for value in element.node.operands]
    rule = f"{type(loss).label.lower()}: one part from each output of each sample, added up"
    return Draft(right_hand_side(loss, *symbols), rule, blocks)


def _draft_backward(element: Element, sums: Sums) -> Draft:
    loss, products = _products(element, sums)
    terms = [_factors(element, product, element.index) for product in products]
    formula = " + ".join(r" \, ".join(factor.symbol for factor in factors) for factors in terms)
    rule = f"the derivative of {type(loss).label.lower()} by this prediction"
    if isinstance(loss, SoftmaxCrossEntropy | BinaryCrossEntropyWithLogits):
        rule += ": what was predicted, minus the target"
    return Draft(formula.replace("+ -", "- "), rule, [one_term(*factors) for factors in terms])


# -- the losses ------------------------------------------------------------------------------------------------------

Y_HAT = r"\hat{y}"


def _prediction(p: Array) -> Part:
    return Part(p, "{p}", PREDICTION)


def _target(y: Array) -> Part:
    return Part(y, "{t}", TARGET)


def _difference(p: Array, y: Array) -> Part:
    return Part(p - y, r"\left({p} - {t}\right)", PREDICTION, "prediction minus target")


def _squared(loss: Loss, p: Array, y: Array, count: float) -> tuple[Product, ...]:
    return (Product(1.0 / count, r"\frac{1}{N}", (_difference(p, y), _difference(p, y))),)


def _squared_gradient(loss: Loss, p: Array, y: Array, count: float) -> tuple[Product, ...]:
    return (
        Product(2.0 / count, r"\frac{2}{N}", (_prediction(p),)),
        Product(-2.0 / count, r"-\frac{2}{N}", (_target(y),)),
    )


def _half_squared(loss: Loss, p: Array, y: Array, count: float) -> tuple[Product, ...]:
    return (Product(0.5 / count, r"\frac{1}{2B}", (_difference(p, y), _difference(p, y))),)


def _half_squared_gradient(loss: Loss, p: Array, y: Array, count: float) -> tuple[Product, ...]:
    return (
        Product(1.0 / count, r"\frac{1}{B}", (_prediction(p),)),
        Product(-1.0 / count, r"-\frac{1}{B}", (_target(y),)),
    )


def _absolute(loss: Loss, p: Array, y: Array, count: float) -> tuple[Product, ...]:
    size = Part(np.abs(p - y), r"\left|{p} - {t}\right|", PREDICTION, "the size of prediction minus target")
    return (Product(1.0 / count, r"\frac{1}{N}", (size,)),)


def _absolute_gradient(loss: Loss, p: Array, y: Array, count: float) -> tuple[Product, ...]:
    symbol = r"\text{sign}\left({p} - {t}\right)"
    sign = Part(np.sign(p - y), symbol, PREDICTION, "the sign of prediction minus target")
    return (Product(1.0 / count, r"\frac{1}{N}", (sign,)),)


def _cut(loss: Loss, p: Array, y: Array) -> Part:
    limit = loss.option_values["delta"]
    symbol = r"\text{clip}\left({p} - {t}\right)"
    return Part(np.clip(p - y, -limit, limit), symbol, PREDICTION, f"prediction minus target, cut at {limit:g}")


def _huber(loss: Loss, p: Array, y: Array, count: float) -> tuple[Product, ...]:
    cut = _cut(loss, p, y)
    symbol = r"\left({p} - {t} - \frac{c}{2}\right)"
    other = Part(p - y - cut.numbers / 2.0, symbol, PREDICTION, "the difference less half of the cut one")
    return (Product(1.0 / count, r"\frac{1}{N}", (cut, other)),)


def _huber_gradient(loss: Loss, p: Array, y: Array, count: float) -> tuple[Product, ...]:
    return (Product(1.0 / count, r"\frac{1}{N}", (_cut(loss, p, y),)),)


def _cross(yes: Array, no: Array, y: Array, count: float, symbol: str) -> tuple[Product, ...]:
    scale, sign = -1.0 / count, r"-\frac{1}{N}"
    log_yes = Part(yes, rf"\log {symbol}", PREDICTION, "the logarithm of the probability of yes")
    log_no = Part(no, rf"\log\left(1 - {symbol}\right)", PREDICTION, "the logarithm of the probability of no")
    rest = Part(1.0 - y, r"\left(1 - {t}\right)", TARGET, "one minus the target")
    return Product(scale, sign, (_target(y), log_yes)), Product(scale, sign, (rest, log_no))


def _binary(loss: Loss, p: Array, y: Array, count: float) -> tuple[Product, ...]:
    return _cross(np.maximum(np.log(p), LOG_FLOOR), np.maximum(np.log1p(-p), LOG_FLOOR), y, count, "{p}")


def _binary_gradient(loss: Loss, p: Array, y: Array, count: float) -> tuple[Product, ...]:
    slope = 1.0 / np.maximum(p * (1.0 - p), PROBABILITY_FLOOR)
    symbol = r"\frac{1}{{p} (1 - {p})}"
    return (
        Product(
            1.0 / count, r"\frac{1}{N}", (_difference(p, y), Part(slope, symbol, PREDICTION, "one over its variance"))
        ),
    )


def _binary_logits(loss: Loss, z: Array, y: Array, count: float) -> tuple[Product, ...]:
    return _cross(-np.logaddexp(0.0, -z), -np.logaddexp(0.0, z), y, count, Y_HAT)


def _binary_logits_gradient(loss: Loss, z: Array, y: Array, count: float) -> tuple[Product, ...]:
    probability = Part(np.exp(-np.logaddexp(0.0, -z)), Y_HAT, PREDICTION, "the predicted probability, sigmoid of z")
    return (
        Product(1.0 / count, r"\frac{1}{N}", (probability,)),
        Product(-1.0 / count, r"-\frac{1}{N}", (_target(y),)),
    )


def _log_softmax(z: Array) -> Array:
    shifted = z - z.max(-1, keepdims=True)
    logarithms: Array = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return logarithms


def _softmax(loss: Loss, z: Array, y: Array, count: float) -> tuple[Product, ...]:
    logarithm = Part(_log_softmax(z), rf"\log {Y_HAT}", PREDICTION, "the logarithm of the predicted probability")
    return (Product(-1.0 / count, r"-\frac{1}{B}", (_target(y), logarithm)),)


def _softmax_gradient(loss: Loss, z: Array, y: Array, count: float) -> tuple[Product, ...]:
    probability = Part(np.exp(_log_softmax(z)), Y_HAT, PREDICTION, "the predicted probability, softmax of z")
    total = np.broadcast_to(y.sum(-1, keepdims=True), y.shape)
    parts: tuple[Part, ...] = (probability,)
    if not np.all(total == 1.0):
        parts += (Part(total, r"\sum_j y_j", TARGET, "the sum of the targets of the sample"),)
    return Product(1.0 / count, r"\frac{1}{B}", parts), Product(-1.0 / count, r"-\frac{1}{B}", (_target(y),))


def _cross_entropy(loss: Loss, p: Array, y: Array, count: float) -> tuple[Product, ...]:
    logarithm = Part(np.where(y == 0.0, 0.0, np.log(p)), r"\log {p}", PREDICTION, "the logarithm of the prediction")
    return (Product(-1.0 / count, r"-\frac{1}{B}", (_target(y), logarithm)),)


def _cross_entropy_gradient(loss: Loss, p: Array, y: Array, count: float) -> tuple[Product, ...]:
    inverse = Part(np.where(y == 0.0, 0.0, 1.0 / p), r"\frac{1}{{p}}", PREDICTION, "one over the prediction")
    return (Product(-1.0 / count, r"-\frac{1}{B}", (_target(y), inverse)),)


def _hinge(loss: Loss, p: Array, y: Array, count: float) -> tuple[Product, ...]:
    symbol = r"\max\left(0, 1 - {t} {p}\right)"
    short = Part(np.maximum(1.0 - y * p, 0.0), symbol, PREDICTION, "how far the margin falls short of 1")
    return (Product(1.0 / count, r"\frac{1}{N}", (short,)),)


def _hinge_gradient(loss: Loss, p: Array, y: Array, count: float) -> tuple[Product, ...]:
    inside = Part((y * p < 1.0) * 1.0, r"\left[{t} {p} < 1\right]", PREDICTION, "1 while the margin is short, else 0")
    return (Product(-1.0 / count, r"-\frac{1}{N}", (_target(y), inside)),)


for _loss, _of_loss, _of_gradient in (
    (MeanSquaredError, _squared, _squared_gradient),
    (HalfSquaredError, _half_squared, _half_squared_gradient),
    (MeanAbsoluteError, _absolute, _absolute_gradient),
    (Huber, _huber, _huber_gradient),
    (BinaryCrossEntropy, _binary, _binary_gradient),
    (BinaryCrossEntropyWithLogits, _binary_logits, _binary_logits_gradient),
    (SoftmaxCrossEntropy, _softmax, _softmax_gradient),
    (CrossEntropy, _cross_entropy, _cross_entropy_gradient),
    (Hinge, _hinge, _hinge_gradient),
):
    _explains(_loss, _of_loss, _of_gradient)
