"""Where a number came from: the vocabulary in which an operation says what each of its elements is the sum of.

An operation takes one element of its output apart in `terms`, one of an operand's gradient in `vjp_terms`, one of a
buffer in `update_terms`. It is given an `Element`, which knows the arrays and their names, and returns a `Draft`: a
right-hand side, a sentence, and the products that add up, each of factors that can be explained in their turn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from visualbp.core.arrays import Array, Shape
from visualbp.core.number_words import Index, element_text, unraveled
from visualbp.core.ref import Ref
from visualbp.operations.symbols import Symbol

LONGEST_HEAD = 16
"""Characters of a meaning that can be the head of a column as it is."""


@dataclass(frozen=True)
class Factor:
    """One factor of a product.

    A factor with an empty `meaning` is the element `index` of `value` itself, as it was after `at` steps: it can be
    explained in its turn. One with a meaning, such as the slope of tanh, is derived from that element by `formula`, or
    is a constant if there is no value. `beside` are further values whose same element it
    depends on, such as the target in prediction minus target.

    `word` is what it is, as the head of a column: `weight`, `slope`. Where it is a function of the element alone,
    `written` is that function with `{}` in the place of the element, `tanh({})`, and `argument` the element's number.
    """

    number: float
    symbol: str
    value: Ref | None = None
    index: Index = ()
    at: int = 0
    meaning: str = ""
    formula: str = ""
    beside: tuple[Ref, ...] = ()
    word: str = ""
    written: str = ""
    argument: float = math.nan

    def called(self, word: str) -> Factor:
        """Return the same factor under the head `word`."""
        return replace(self, word=word)

    def as_function(self, written: str, argument: float) -> Factor:
        """Return the same factor as a function, such as `tanh({})`, of the element that it is derived from."""
        return replace(self, written=written, argument=argument)

    @property
    def head(self) -> str:
        """The word for the column that it stands in; empty if it has none that is short."""
        return self.word or (self.meaning if len(self.meaning) <= LONGEST_HEAD else "")

    @property
    def text(self) -> str:
        """The plain name: `hidden.weight[0, 3]`, or the meaning."""
        if self.value is None or self.meaning:
            return self.meaning
        return element_text(self.value, self.index)


@dataclass(frozen=True, eq=False)
class Block:
    """Terms of one form, for a rule that may have many: their products (n,), and how to write the i-th."""

    products: Array
    factors: Callable[[int], tuple[Factor, ...]]
    label: Callable[[int], str] = lambda i: ""


@dataclass(frozen=True, eq=False)
class Draft:
    """What a rule says of one element: the right-hand side in symbols and in words, and the terms.

    `numbers` is the right-hand side in numbers, where the products would not say it. `cancels` is the size of what
    cancels inside the factors, such as a mean taken off: rounding goes by it too.
    """

    formula: str
    rule: str
    blocks: Sequence[Block]
    note: str = ""
    numbers: str = ""
    cancels: float = 0.0


def constant(number: float, symbol: str, meaning: str) -> Factor:
    """Return a constant as a factor."""
    return Factor(float(number), symbol, meaning=meaning)


def one_term(*factors: Factor, label: str = "") -> Block:
    """Return a block of a single product."""
    product = 1.0
    for factor in factors:
        product *= factor.number
    return Block(np.array([product]), lambda i: factors, lambda i: label)


def exact_sum(numbers: Array) -> float:
    """Return the sum of numbers without round-off on the way; where they overflow, as arithmetic does."""
    with np.errstate(all="ignore"):
        fits = bool(np.isfinite(np.abs(numbers).sum(dtype=np.float64)))
        return math.fsum(numbers) if fits else float(numbers.sum(dtype=np.float64))


class Element(Protocol):
    """One element of what a step of an operation wrote: of its output, of a buffer, or of the gradient of `operand`.

    Operands are named by their place. Arrays are as the step read them, whole, with the batch first.
    """

    @property
    def index(self) -> Index: ...

    @property
    def operand(self) -> int:
        """The operand whose gradient it is of; -1 on the way forward."""
        ...

    @property
    def buffer(self) -> int:
        """Which of the buffers it belongs to, where it belongs to one."""
        ...

    @property
    def precision(self) -> str:
        """`float64` or `float32`."""
        ...

    @property
    def layers(self) -> Sequence[str]:
        """The layers that the operands come from."""
        ...

    # arrays

    def array(self, operand: int) -> Array: ...

    def output_array(self) -> Array: ...

    def upstream_array(self) -> Array:
        """dL / d output; of the loss itself 1, without axes."""
        ...

    def kept(self, name: str, shape: Shape) -> Array:
        """What the forward rule left in its memory of that name for the way back, such as a mask."""
        ...

    def vjp(self, operand: int, upstream: Array) -> Array:
        """upstream @ d output / d operand, by the operation's own rule."""
        ...

    def jvp(self, operand: int, tangent: Array) -> Array:
        """d output along a tangent of one operand, by the operation's own rule."""
        ...

    def updated(self) -> Array:
        """The buffer that the element belongs to, as the operation's own rule leaves it."""
        ...

    def is_state_before(self, operand: int) -> bool:
        """Whether an operand is the state that the layer had after the time step before the output's."""
        ...

    # factors

    def input(self, operand: int, index: Index) -> Factor: ...

    def output(self, index: Index) -> Factor: ...

    def upstream(self, index: Index) -> Factor:
        """An element of dL / d output, which for the loss itself is 1."""
        ...

    def before(self) -> Factor:
        """The element itself as it was before the step, for a buffer."""
        ...

    def derived(
        self, number: float, symbol: str, operand: int, index: Index, meaning: str, formula: str = ""
    ) -> Factor:
        """A number derived from an element of an operand."""
        ...

    def derived_from_upstream(self, number: float, symbol: str, index: Index, meaning: str) -> Factor:
        """A number derived from an element of dL / d output."""
        ...

    def with_operand(self, factor: Factor, operand: int) -> Factor:
        """The same factor, where it depends on the same element of another operand too."""
        ...

    # names

    def in_data(self, index: Index) -> Index:
        """An index whose first place is a sample of the batch, with its row in the data instead: for words."""
        ...

    def operand_symbol(self, operand: int) -> Symbol: ...

    def indexed(self, operand: int, place: str) -> str:
        """The symbol of an element of an operand; `place` may be letters."""
        ...

    def indexed_output(self, place: str) -> str: ...

    def indexed_upstream(self, place: str) -> str: ...

    def input_symbol(self, operand: int, index: Index) -> str: ...

    def output_symbol(self, index: Index) -> str: ...

    def sample_text(self, operand: int, index: Index) -> str:
        """`sample 2, unit 1` for an index of an operand; of a parameter the index alone."""
        ...

    def output_text(self, index: Index) -> str:
        """The same for the output."""
        ...

    def name(self, operand: int) -> str:
        """The plain name of an operand: `hidden.weight`."""
        ...


# -- for an operation that says nothing itself, by its local Jacobian --------------------------------------------------


def terms_by_jacobian(element: Element, name: str, formula: str, moving: Sequence[int]) -> Draft:
    """out = sum of d out / d x * x, + what the straight line leaves out. Exact for every rule, smooth or not.

    `moving` are the operands that are not constant.
    """
    result = element.output_array()
    basis = np.zeros_like(result)
    basis[element.index] = 1.0
    output = element.output_symbol(element.index)
    blocks: list[Block] = []
    straight = 0.0
    for operand in moving:
        row, numbers = element.vjp(operand, basis), element.array(operand)
        products = (row.astype(np.float64) * numbers).reshape(-1)
        used = np.flatnonzero(row.reshape(-1))
        straight += float(products[used].sum())

        def factors(i: int, operand: int = operand, row: Array = row, used: Array = used) -> tuple[Factor, ...]:
            index = unraveled(int(used[i]), row.shape)
            x = element.input(operand, index)
            local = element.derived(
                row[index], rf"\frac{{\partial {output}}}{{\partial {x.symbol}}}", operand, index, "local derivative"
            ).called("local")
            return local, x

        def label(i: int, operand: int = operand, row: Array = row, used: Array = used) -> str:
            return f"{element.name(operand)} {element.sample_text(operand, unraveled(int(used[i]), row.shape))}"

        blocks.append(Block(products[used], factors, label))
    rest = constant(float(result[element.index]) - straight, r"\text{rest}", "what a straight line leaves out")
    blocks.append(one_term(rest, label="rest"))
    rule = f"{name} of its inputs: each input times the local derivative, and what a straight line leaves out"
    return Draft(formula or rf"\text{{{name}}}", rule, blocks)


def vjp_terms_by_jacobian(element: Element, name: str) -> Draft:
    """dL/dx = sum over outputs of upstream * d out / d x, the column of the Jacobian by forward mode."""
    basis = np.zeros(element.array(element.operand).shape, element.output_array().dtype)
    basis[element.index] = 1.0
    with np.errstate(all="ignore"):
        column = np.asarray(element.jvp(element.operand, basis), np.float64)
    used = np.flatnonzero(column.reshape(-1))
    x = element.input_symbol(element.operand, element.index)

    def factors(i: int) -> tuple[Factor, ...]:
        index = unraveled(int(used[i]), column.shape)
        symbol = rf"\frac{{\partial {element.output_symbol(index)}}}{{\partial {x}}}"
        local = element.derived(column[index], symbol, element.operand, element.index, "local derivative")
        return element.upstream(index), local.called("local")

    products = (element.upstream_array() * column).reshape(-1)[used]
    formula = rf"\frac{{\partial {element.indexed_output('o')}}}{{\partial {x}}}"
    return Draft(
        rf"\sum_{{o}} {element.indexed_upstream('o')} \, {formula}",
        f"upstream x local, over everything that {name} makes of it",
        [Block(products, factors, lambda i: element.output_text(unraveled(int(used[i]), column.shape)))],
    )


def update_terms_by_difference(element: Element, name: str) -> Draft:
    """A buffer: what it was, and what the rule changed."""
    before = element.before()
    change = constant(float(element.updated()[element.index]) - before.number, r"\Delta", f"what {name} adds")
    return Draft(
        rf"{before.symbol} + \Delta",
        f"what it was, and what {name} adds in a step of training",
        [one_term(before, label="before"), one_term(change, label="change")],
    )
