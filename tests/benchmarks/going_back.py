"""Going back: how long it takes to reach any iteration of a long training, and what the checkpoints for it hold.

    python -m tests.benchmarks.going_back [--networks A,B] [--seconds S]

Each network is trained at full speed, without a window: XOR for 100,000 iterations, the others for as many as go into
the seconds, 20,000 at most. Then it goes to 100 iterations drawn at random, and forward to the end again in between;
printed are the times to get there (median, 95th percentile, worst), and as a ratio how much shorter the replay from the
nearest checkpoint is than one from the beginning, in iterations.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.timing import table, use_one_thread
from tests.benchmarks.window_flow import NETWORKS, write_networks
from visualbp.debugger.session import Session
from visualbp.files import find_model, load_network

PLACES = 100


def measure(path: Path, most: int, seconds: float) -> list[str]:
    """Return what was measured, as the cells of a row."""
    session = Session()
    session.set_network(load_network(path), 1, path.parent, fresh=True)
    end = time.perf_counter() + seconds
    iteration = 0
    with np.errstate(all="ignore"):
        while iteration < most - 1 and time.perf_counter() < end:
            iteration, _ = session.train_one()
    session.ensure_recorded()
    random = np.random.default_rng(0)
    took, replayed, from_start = [], 0, 0
    for place in random.integers(0, iteration, PLACES):
        nearest = session.history.nearest(int(place))[0]
        replayed, from_start = replayed + int(place) - nearest, from_start + int(place)
        began = time.perf_counter()
        session.seek(int(place), 0)
        took.append(time.perf_counter() - began)
    median, late = np.percentile(took, [50, 95]) * 1e3
    history = session.history
    return [
        f"{iteration + 1:,}",
        f"{len(history):,}",
        f"{history.bytes / 2**20:.1f}",
        f"{median:.1f}",
        f"{late:.1f}",
        f"{max(took) * 1e3:.0f}",
        f"{from_start / max(1, replayed):,.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    head = ["network", "iterations", "checkpoints", "MB", "median ms", "95 % ms", "worst ms", "shorter by"]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        paths = write_networks(Path(folder))
        for network in options.networks.split(","):
            path = find_model(paths[network])
            most = 100_000 if network == "xor" else 20_000
            rows.append([network, *measure(path, most, options.seconds)])
            print(*rows[-1], sep="\t", flush=True)
    print(table(head, rows))


if __name__ == "__main__":
    use_one_thread()
    main()
