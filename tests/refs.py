"""References by the names that people and files use, for tests: `ref("hidden", "delta")`, and so on."""

from __future__ import annotations

import re

from visualbp.core.ref import Ref, Sender

_NAME = re.compile(r"(?:(?P<before>[a-z_]+)/)?(?P<role>[^\[\]/]+)(?:\[(?P<time>\d+)\])?")


def ref(layer: str, name: str, sender: str = "") -> Ref:
    """Return the reference of this name; `sender` is a layer, or `layer.role`, or `role[time]` of the same layer."""
    match = _NAME.fullmatch({"delta": "gradient/z", "upstream": "gradient/h"}.get(name, name))
    assert match is not None, name
    time = None if match["time"] is None else int(match["time"])
    found = Ref(layer, match["role"], time)
    if match["before"] == "gradient":
        found = found.gradient
    elif match["before"]:
        found = found.in_slot(match["before"])
    if not sender:
        return found
    of, dot, made = sender.rpartition(".")
    if not dot:
        of, made = (layer, sender) if "[" in sender else (sender, "")
    part = _NAME.fullmatch(made) if made else None
    if part is None:
        return found._replace(sender=Sender(of))
    return found._replace(sender=Sender(of, part["role"], None if part["time"] is None else int(part["time"])))
