"""What an operation is told when it writes itself down as plain NumPy: the names of variables in the listing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from visualbp.core.arrays import Shape


@dataclass(frozen=True)
class NumpyCode:
    """One application of an operation in a listing.

    The lines that an operation returns are statements of Python that a student can read, on arrays of these names and
    shapes (whole shapes: the batch first). They give the same bits as the rule. `np` is NumPy; what the forward lines
    leave for the way back is a variable whose name `kept` makes. Numbers of the operation are written as `repr` has
    them; arrays have the network's type, and a Python number does not change it.
    """

    operands: Sequence[str]
    shapes: Sequence[Shape]
    output: str
    output_shape: Shape
    prefix: str
    """Of variables that only this operation uses: `hidden_z`."""
    upstream: str = ""
    """dL / d output, on the way back; for the loss it is 1 and has no name."""
    operand: int = -1
    result: str = ""
    """The gradient that is made, on the way back."""
    generator: str = ""
    """An expression for the generator of this operation's random numbers in this iteration."""
    updates: Sequence[str] = ()
    """The buffers that it moves on."""

    def kept(self, name: str) -> str:
        """Return the variable of this name, made on the way forward and read on the way back."""
        return f"{self.prefix}_{name}"
