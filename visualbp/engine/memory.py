"""What a run needs in memory, said before anything large is made."""

from __future__ import annotations

import numpy as np

from visualbp.core.arrays import size_of
from visualbp.datasets import DataError
from visualbp.engine.plan import Plan
from visualbp.optimizers.base import make_optimizer

MOST_MEMORY = 2 * 2**30
"""What a run may need, by the estimate of `needed_bytes`; beyond it a machine would stall rather than answer."""


def needed_bytes(plan: Plan, batch_size: int) -> int:
    """Return about how many bytes an iteration needs: values with what their rules keep, parameters, their slots."""
    parameters = sum(size_of(info.spec.shape) for info in plan.parameters)
    copies = 4 + len(make_optimizer(plan.network.training.optimizer).slots)
    values = sum(size_of(plan.shapes[value]) for value in plan.batched) * batch_size
    return (copies * parameters + 2 * values) * np.dtype(plan.network.precision).itemsize


def check_memory(plan: Plan, samples: int) -> None:
    """Raise DataError for a run on `samples` samples that would need more than MOST_MEMORY."""
    batch_size = min(plan.network.training.batch_size, samples)
    needed = needed_bytes(plan, batch_size)
    if needed > MOST_MEMORY:
        size = f"about {needed / 2**30:,.0f} GB"
        raise DataError(f"would need {size} of memory; use fewer units, or a smaller batch than {batch_size}")
