"""The losses, found by the registry; each says everything about itself in its own file or that of its family."""

from visualbp.operations.losses import differences, binary, classes, hinge  # noqa: F401, I001  (in the order of the menu)
from visualbp.operations.losses.base import Loss, losses

__all__ = ["Loss", "losses"]
