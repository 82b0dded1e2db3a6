"""Every command with every state of the standard streams, each in a process of its own.

    python -m tests.benchmarks.streams

Prints how many were tried, and each that ended wrongly; ends with status 1 if there is one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.streams import COMMANDS, STATES, fault, run


def main() -> int:
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        for command in COMMANDS:
            for state in STATES:
                wrong = fault(command, state, run(command, state, Path(folder)))
                if wrong:
                    faults += 1
                    print(f"{command}, {state}: {wrong}", flush=True)
    tried = len(COMMANDS) * len(STATES)
    print(f"{len(COMMANDS)} commands x {len(STATES)} states of the streams = {tried} runs, {faults} wrong")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
