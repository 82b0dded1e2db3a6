"""Planted bugs: mistakes made on purpose in the backward pass, for hunting and for testing the gradient check.

Here is what a bug is and where it sits, and which kinds there are. What each does to a rule is in `engine/bugs.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from visualbp.core.registry import Registry


@dataclass(frozen=True)
class PlantedBug:
    """A mistake in one reverse-mode rule: that of the operation which makes `output` of `layer`, for one operand.

    `output` is a value's role (`z`, `h`, `loss`, `scores`). `operand` is the operation's own name for it (`weight`,
    `bias`, `x`), with its place where several have the same name (`x[1]`). Neither names another layer, so that a bug
    stays in its place whatever happens around it.
    """

    kind: str
    layer: str
    output: str
    operand: str

    @property
    def place(self) -> tuple[str, str, str]:
        """What it sits in. A rule has one bug at most."""
        return self.layer, self.output, self.operand

    @property
    def text(self) -> str:
        """The plain words: `Wrong sign in hidden.z, on the way back to weight`."""
        return f"{bug_kinds.get(self.kind).label} in {self.layer}.{self.output}, on the way back to {self.operand}"


@dataclass(frozen=True)
class BugKind:
    """A kind of mistake, for menus and files."""

    type_name: str
    label: str
    description: str


bug_kinds: Registry[BugKind] = Registry("kind of bug")
for _entry in (
    BugKind("sign", "Wrong sign", "The gradient comes out with the opposite sign."),
    BugKind(
        "missing_derivative",
        "Missing derivative",
        "What comes from above is passed on as it is, not multiplied by the local derivative.",
    ),
    BugKind(
        "wrong_derivative",
        "Wrong derivative",
        "The derivative is taken at h instead of at z; softmax keeps only the diagonal of its Jacobian.",
    ),
    BugKind(
        "missing_mean",
        "Missing 1/N",
        "The loss is a mean over the batch, and its gradient forgets the 1/N: it grows with the batch.",
    ),
    BugKind(
        "transposed_weight",
        "Transposed weight",
        "The gradient goes back through W where W^T belongs. It fits only where W is square.",
    ),
    BugKind(
        "sequential_update",
        "Sequential update",
        "The gradient goes back through weights that the update of this iteration has changed already (before any"
        " clipping, which needs all gradients).",
    ),
    BugKind("scaled", "Scaled by 1.001", "The gradient is a thousandth too large: too little to be seen in training."),
    BugKind("zeroed_row", "Zeroed row", "The last row of the gradient stays 0, as after a loop that ends one short."),
    BugKind(
        "lost_path",
        "Lost path",
        "Where a value goes several ways, what comes back on this one is lost, as by = in place of +=.",
    ),
):
    bug_kinds.register(_entry)
