"""Processes that are killed (SIGKILL) at random moments while they save: what is whole then, and what is left over.

    python -m tests.benchmarks.kills [KILLS] [--seed N]

Half of them write a model file of some 14 MB again and again, by the way that all files are written: in turn with
unnamed and with named files until they are whole. The others are windows that save, keep their work, or train.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tests.gui.window_process import WindowProcess
from visualbp.files import FileError, find_model, load_network, network_to_text, save_network
from visualbp.files.autosaved import read_autosave
from visualbp.files.locks import is_held
from visualbp.network import Network

SAVE = """
import sys
from pathlib import Path
from visualbp.files import parts, write_atomically
target, *sources = map(Path, sys.argv[1:4])
if sys.argv[4] == "named":
    parts._open_unnamed = lambda folder: None
contents = [source.read_bytes() for source in sources]
print("ready", flush=True)
number = 0
while True:
    write_atomically(target, contents[number % 2])
    number += 1
"""
WAYS = ("unnamed", "named")
WINDOWS = ("save", "autosave", "train")
LONGEST_WRITE, LONGEST_WINDOW = 0.3, 2.5
"""Seconds from the start of the work to the kill, at most."""


@dataclass
class Counts:
    """What the kills have led to."""

    kills: Counter[str] = field(default_factory=Counter)
    partial: int = 0
    """Files that were neither the old nor the new, to the byte."""
    unreadable: int = 0
    """Autosave files that could not be read."""
    parts: Counter[str] = field(default_factory=Counter)
    """Kills after which a file lay there that was not in its place; until the next save, one can lie there a while."""
    largest: int = 0
    """Most bytes of such files that lay there at one time."""
    left: list[str] = field(default_factory=list)
    """What was left when the program had started once more: but for the unsaved work itself, which is offered."""
    work: int = 0
    """Pieces of unsaved work that were offered then."""

    @property
    def text(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kills.items()))
        seen = ", ".join(f"{count} {kind}" for kind, count in sorted(self.parts.items())) or "none"
        return (
            f"{self.kills.total()} kills ({kinds}): {self.partial} partial files,"
            f" {self.unreadable} unreadable autosaves,"
            f" files out of place seen on the way: {seen} ({self.largest / 2**20:.0f} MB at most at one time);"
            f" after the next start {len(self.left)} leftovers, {self.work} pieces of unsaved work offered"
        )


def large_network(seed: int, numbers: int = 1_300_000) -> Network:
    """Return a network with this many weights, of 10.7 MB a million in its file."""
    units = max(1, numbers // 4)
    network = load_network(find_model("xor"))
    layers = tuple(
        replace(layer, options={**layer.options, "units": units}) if layer.name == "hidden" else layer
        for layer in network.layers
    )
    weight = np.random.default_rng(seed).standard_normal((units, 2))
    rest = np.random.default_rng(seed).standard_normal((2, units))
    return replace(network, layers=layers, parameters={"hidden": {"weight": weight}, "output": {"weight": rest}})


def kill_writers(count: int, folder: Path, generator: random.Random, counts: Counts, numbers: int) -> None:
    """Kill processes that write two contents in turn to one file."""
    contents = []
    for seed in (1, 2):
        save_network(large_network(seed, numbers), folder / f"content{seed}.vbp")
        contents.append((folder / f"content{seed}.vbp").read_bytes())
    for way in WAYS:
        (folder / f"{way}.vbp").write_bytes(contents[0])
    for number in range(count):
        way = WAYS[number % 2]
        target = folder / f"{way}.vbp"
        process = subprocess.Popen(
            [sys.executable, "-c", SAVE, target, folder / "content1.vbp", folder / "content2.vbp", way],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        time.sleep(generator.uniform(0.0, LONGEST_WRITE))
        process.kill()
        process.communicate()
        counts.kills[f"writing ({way} files)"] += 1
        counts.partial += target.read_bytes() not in contents
        see_parts(folder, counts, way)


def kill_windows(count: int, home: Path, generator: random.Random, counts: Counts) -> None:
    """Kill windows in mid-work; all of them have the same settings folder and the same file."""
    path = home / "models" / "mine.vbp"
    path.parent.mkdir()
    save_network(load_network(find_model("xor")), path)
    for number in range(count):
        what = WINDOWS[number % len(WINDOWS)]
        window = WindowProcess(home, path, what)
        window.wait_until_ready()
        time.sleep(generator.uniform(0.0, LONGEST_WINDOW))
        window.kill()
        counts.kills[f"windows ({what})"] += 1
        counts.partial += not is_whole(path)
        see_parts(home, counts, "windows")


def is_whole(path: Path) -> bool:
    """Whether a model file is one that the program writes, to the byte."""
    try:
        return network_to_text(load_network(path)).encode() == path.read_bytes()
    except FileError:
        return False


def see_parts(folder: Path, counts: Counts, kind: str) -> None:
    sizes = [path.stat().st_size for path in folder.rglob("*.part" if kind == "windows" else f".{kind}.*.part")]
    counts.parts[kind] += len(sizes) > 0
    counts.largest = max(counts.largest, sum(sizes))


def start_again(home: Path, writers: Path, counts: Counts) -> None:
    """Start the program once more, save the large files once more, and count what is left."""
    for way in WAYS:
        save_network(load_network(writers / f"{way}.vbp"), writers / f"{way}.vbp")
    window = WindowProcess(home, home / "models" / "mine.vbp")
    window.wait_until_ready()
    for path in sorted(home.rglob("*")):
        if path.parent.name == "autosave" and path.suffix == ".vbp":
            counts.work += 1
            try:
                read_autosave(path)
            except FileError:
                counts.unreadable += 1
        elif path.suffix == ".part" or (path.suffix == ".lock" and not is_held(path) and not has_work(path)):
            counts.left.append(path.name)
    counts.left += [path.name for path in writers.rglob("*.part")]
    window.kill()


def has_work(lock: Path) -> bool:
    return lock.with_suffix("").exists()


def kill(kills: int, seed: int = 0, numbers: int = 1_300_000, report: bool = False) -> Counts:
    """Kill `kills` processes, and return what came of it."""
    generator, counts = random.Random(seed), Counts()
    with tempfile.TemporaryDirectory(prefix="kills-") as directory:
        home, writers = Path(directory, "home"), Path(directory, "writers")
        home.mkdir()
        writers.mkdir()
        kill_writers(kills // 2, writers, generator, counts, numbers)
        if report:
            print(counts.text, flush=True)
        kill_windows(kills - kills // 2, home, generator, counts)
        start_again(home, writers, counts)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.kills")
    parser.add_argument("kills", nargs="?", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    counts = kill(arguments.kills, arguments.seed, report=True)
    print(counts.text)
    for name in counts.left:
        print(f"left over: {name}")
    return 1 if counts.partial or counts.unreadable or counts.left else 0


if __name__ == "__main__":
    sys.exit(main())
