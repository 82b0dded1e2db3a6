"""What an operation is told of its place in a network when it says, in words and in shapes, what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from visualbp.core.number_words import plain, row_text

MOST_SHOWN = 6
"""Of more operands that are read alike, the shape of one and their number are shown."""


class Saying(NamedTuple):
    """A sentence as data, beside what it claims of the numbers.

    In the text stand, in braces, the names of operands and of the operation's options, `{layer}`, `{result}` as `Words`
    has it, and on the way back `{source}`, the operand whose gradient is made. The claim is two sides in NumPy, of the
    operands' arrays, `output`, `upstream` and `result`: `output == weight[x]`.
    """

    text: str
    claim: str


class Told(str):
    """A text beside what it claims of one number, where an explanation is to say both: shown as any other text.

    In the text stand, in braces, the names of operands and of further values, which are given with it. The claim is
    `output ==`, `result ==` (a gradient) or, beside a factor, `number ==`, and NumPy of the operands' arrays,
    `upstream`, the operation's options and the values; `inputs` are all operands, `others` all but the one whose
    gradient it is. An array stands for its element at the place that is explained, `at`. Each further value has to be
    claimed too: `output == weight[row][at[-1]] and row == x[at[0]]`. What the words may be says `glossary.py`.

    A note compares what it likes, `row not in x and result == 0`. Shapes in words compare shapes by the same names, in
    the order of the text: `result[-1:] == weight[1:] and result[:-1] == x`.
    """

    saying: Saying
    values: Mapping[str, object]

    def __new__(cls, text: str, claim: str = "", **values: object) -> Told:
        shown = {name: _shown(value) for name, value in values.items()}
        told = super().__new__(cls, text.format(**shown) if claim else text)
        told.saying, told.values = Saying(text, claim), values
        return told


class NamedPlace(tuple[int, ...]):
    """A place in the batch, which is shown with the sample's row in the data in the place of its place."""

    shown: tuple[int, ...]

    def __new__(cls, place: tuple[int, ...], shown: tuple[int, ...]) -> NamedPlace:
        made = super().__new__(cls, place)
        made.shown = shown
        return made


def _shown(value: object) -> str:
    if isinstance(value, float):
        return plain(value)
    if isinstance(value, NamedPlace):
        return row_text(value.shown)
    return row_text(value) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True)
class Words:
    """The values that a step of an operation reads and writes, in words.

    On the way forward `result` says what the output is for its layer, `that is its z, kept for the way back`; on the
    way back it is the gradient that is made: `the gradient of hidden's W`.
    """

    layer: str
    sources: Sequence[str]
    """The operands: `hidden's activations`."""
    roles: Sequence[str]
    """What each operand is for its own layer: `W`, `z at time step 3`."""
    are_values: Sequence[bool]
    """Which operands are values of the batch, where the others are parameters."""
    states: Sequence[int | None]
    """The time step after which each operand is the layer's state; None for what is no state of the layer."""
    output: str
    """The output: `hidden's z`."""
    time: int | None
    """The time step of the output."""
    result: str
    axes: int
    """How many axes a sample of the first operand has."""
    operand: int = -1
    """The operand whose gradient is made, on the way back."""

    @property
    def source(self) -> str:
        """The operand whose gradient is made."""
        return self.sources[self.operand]

    def is_state_before(self, operand: int) -> bool:
        """Return whether an operand is the state that the layer had after the time step before the output's."""
        return self.time is not None and self.states[operand] == self.time - 1

    def filled(self, saying: Saying, names: Sequence[str], options: Mapping[str, object]) -> str:
        """Return the text of a saying about operands of these names."""
        named = {
            name: listed([source for source, own in zip(self.sources, names, strict=True) if own == name])
            for name in names
        }
        return saying.text.format(layer=self.layer, result=self.result, source=self.source, **named, **options)

    def listed(self) -> str:
        """All operands: `a, b and c`."""
        return listed(self.sources)


def listed(words: Sequence[str]) -> str:
    """Return words as a list: `a, b and c`."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


@dataclass(frozen=True)
class ShapeTexts:
    """The shapes of what a step of an operation reads, as text: `(2, 4)`. `upstream` is empty on the way forward, and
    for the loss; `axes` is how many axes a sample of the first operand has."""

    operands: Sequence[str]
    upstream: str = ""
    axes: int = 1
    operand: int = -1

    @property
    def rows(self) -> str:
        """What a sum over all rows runs over."""
        return "samples and positions" if self.axes > 1 else "the samples"
