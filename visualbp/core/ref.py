"""What an array of an iteration is called: a reference, made of parts that are data. Its text is made here, for people
and for files, and read nowhere."""

from __future__ import annotations

from typing import Final, NamedTuple

VALUE: Final = "value"
GRADIENT: Final = "gradient"
SLOT: Final = "slot"

EVERY: Final = -1
"""The time of a reference that stands for all time steps together: `z[t]`."""

PEOPLES_NAMES: Final = {"delta": "z", "upstream": "h"}
"""The gradients that have a name of their own, and what they are the gradients of."""


class Sender(NamedTuple):
    """Who sends back a part of a gradient: a layer, where that is enough; else what it made of the value (`role`, at
    `time`), and as which `operand`, where it used the value more than once."""

    layer: str
    role: str = ""
    time: int | None = None
    operand: str = ""


class Ref(NamedTuple):
    """The name of one array of an iteration: whose it is, and what it is.

    `role` is what it is to its layer: `z`, `h`, the loss's `loss`, `penalty` and `target`, a layer's own (such as
    `scores`), or a parameter (`weight`). `time` is its time step, where a layer computes it once for each. `kind` is
    VALUE; GRADIENT for dL / d value; SLOT for an array that the optimiser keeps for a parameter, called `slot`.

    Where a value is used by several, each `sender` sends back a part of its gradient.
    """

    layer: str
    role: str
    time: int | None = None
    kind: str = VALUE
    slot: str = ""
    sender: Sender | None = None

    @property
    def gradient(self) -> Ref:
        """The name of dL / d self."""
        return self._replace(kind=GRADIENT)

    @property
    def of(self) -> Ref:
        """What a gradient, a part of one, or a slot belongs to; a value belongs to itself."""
        return Ref(self.layer, self.role, self.time)

    @property
    def whole(self) -> Ref:
        """The gradient that this is a part of; itself if it is none."""
        return self._replace(sender=None)

    def at(self, time: int) -> Ref:
        """The same at a time step."""
        return self._replace(time=time)

    def in_slot(self, slot: str) -> Ref:
        """The optimiser's array of this name for a parameter."""
        return self._replace(kind=SLOT, slot=slot)

    @property
    def is_gradient(self) -> bool:
        """Whether it is the gradient of a value."""
        return self.kind == GRADIENT

    @property
    def is_slot(self) -> bool:
        """Whether it is an array that the optimiser keeps for a parameter."""
        return self.kind == SLOT

    @property
    def is_delta(self) -> bool:
        """Whether it is dL/dz, of a time step too: an error signal."""
        return self.kind == GRADIENT and self.role == "z"

    @property
    def is_from_own_time_step(self) -> bool:
        """Whether it is the part of one time step of the layer's own: what they share is used in each."""
        return self.sender is not None and self.sender.time is not None and self.sender.layer == self.layer

    @property
    def is_told_by_time(self) -> bool:
        """Whether the time step alone tells such a part from the others: the z of each uses what they share, or the
        state before, once. What belongs to one time step may go to several values of it."""
        from_z = self.sender is not None and self.sender.role == "z"
        return self.is_from_own_time_step and (self.time is None or from_z)

    # -- texts -------------------------------------------------------------------------------------------------------

    @property
    def timed_role(self) -> str:
        """The role with its time step: `z[3]`."""
        return timed(self.role, self.time)

    @property
    def name(self) -> str:
        """What it is called within its layer: `z[3]`, `delta`, `gradient/weight`, `velocity/weight`."""
        if self.kind == GRADIENT:
            known = {"z": "delta", "h": "upstream"}.get(self.timed_role)
            return known or f"gradient/{self.timed_role}"
        return f"{self.slot}/{self.timed_role}" if self.kind == SLOT else self.timed_role

    @property
    def sender_text(self) -> str:
        """Who sent it: `output`, `attend.scores`, or, from the own layer, `z[3]`; empty for what is no part."""
        if self.sender is None:
            return ""
        _, role, time, operand = self.sender
        made = timed(role, time) + (f" ({operand})" if operand else "")
        if self.sender.layer == self.layer and role:
            return made
        return self.sender.layer + (f".{made}" if role else "")

    @property
    def text(self) -> str:
        """The name for people: `hidden.weight`, `hidden.upstream from output`."""
        return f"{self.layer}.{self.name}" + (f" from {self.sender_text}" if self.sender else "")


def timed(role: str, time: int | None) -> str:
    """Return a role with its time step: `z[3]`; of every one `z[t]`."""
    return role if time is None else f"{role}[{'t' if time == EVERY else time}]"


def named(layer: str, name: str) -> Ref:
    """Return the reference that people mean by a name: `delta` and `upstream` are the gradients of z and of h."""
    of = PEOPLES_NAMES.get(name)
    return Ref(layer, name) if of is None else Ref(layer, of).gradient
