"""Files made to hurt: each is refused in a process of its own that may take neither much memory nor much time."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MEGABYTE = 2**20
SIZE = 60 * MEGABYTE
MOST_MEMORY = 200
LONGEST = 60
"""Seconds: far beyond what is promised, so that a busy machine fails nothing, and far below a hang."""

PROGRAM = """
import sys
from visualbp.files import FileError, load_network

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))

try:
    load_network(sys.argv[1])
    print("loaded")
except FileError as error:
    print(error.text)
print(peak())
"""

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak memory from /proc")

HEAD = b'{"format": "visualbp", "version": 1, "name": "x", "connections": [], "layers": ['

HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "brackets": (lambda: b"[" * SIZE, "nested more than"),
    "objects within objects": (lambda: b'{"a":' * (SIZE // 5), "nested more than"),
    "empty lists": (lambda: b"[" + b"[]," * (SIZE // 3), "too many values"),
    "empty objects": (lambda: b"[" + b"{}," * (SIZE // 3), "too many values"),
    "one long row": (lambda: b'{"a": [' + b"1," * (SIZE // 2) + b"1]}", "too many values"),
    "short rows": (lambda: b'{"a": [' + (b"[" + b"1," * 14 + b"1],") * (SIZE // 32), "too many values"),
    "longer rows": (lambda: b'{"a": [' + (b"[" + b"1," * 16 + b"1],") * (SIZE // 36), "too many values"),
    "texts": (lambda: b"[" + b'"a",' * (SIZE // 4), "too many values"),
    "keys": (lambda: b"{" + b",".join(b'"%d":1' % i for i in range(3_000_000)) + b"}", "too many values"),
    "escapes": (lambda: b'{"a": "' + b"\\n" * (SIZE // 2) + b'"}', "too many values"),
    "an unfinished text of escapes": (lambda: b'{"a": "' + b"\\n" * (SIZE // 2), "does not end"),
    "one wide letter": (lambda: b'{"a": "' + b"x" * SIZE + b'\xf0\x9f\x98\x80"}', "too many values"),
    "digits": (lambda: b'{"a": ' + b"9" * SIZE + b"}", "too large for a number"),
    "digits in a row": (lambda: b"[1," + b"9" * SIZE + b"]", "too large"),
    "space": (lambda: b" " * SIZE, "is empty"),
    "noise": (lambda: bytes(range(256)) * (SIZE // 256), "expected a value"),
    "a base64 array that lies": (
        lambda: (
            HEAD
            + b'{"name": "d", "type": "dense", "units": 3}], "parameters": {"d": {"weight": {"dtype": "float64",'
            + b'"shape": [5000000], "base64": "'
            + b"A" * (52 * MEGABYTE)
            + b'"}}}}'
        ),
        "base64 text holds",
    ),
    "a shape that lies": (
        lambda: (
            HEAD + b'{"name": "d", "type": "dense", "units": 3}], "parameters": {"d": {"weight": '
            b'{"dtype": "float64", "shape": [1000000, 1000000], "base64": "AAAA"}}}}'
        ),
        "1,000,000,000,000 numbers",
    ),
    "fifty thousand layers": (
        lambda: HEAD + b",".join(b'{"name": "h%d", "type": "add"}' % i for i in range(50_000)) + b"]}",
        "50,000 entries; 2,000 is the most",
    ),
    "more than 64 MB": (lambda: b"x" * (65 * MEGABYTE), "64 MB is the most"),
}


def refused(path: Path) -> tuple[str, int]:
    """The sentence that a process of its own says about the file, and its peak memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, timeout=LONGEST, check=True
    )
    assert not done.stderr
    sentence, peak = done.stdout.splitlines()
    return sentence, int(peak)


@linux_only
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_within_bounds(name: str, tmp_path: Path) -> None:
    make, reason = HOSTILE[name]
    path = tmp_path / "hostile.vbp"
    path.write_bytes(make())
    sentence, peak = refused(path)
    path.unlink()
    assert str(path) in sentence and reason in sentence
    assert len(sentence) < 500
    assert peak < MOST_MEMORY


@linux_only
def test_a_file_of_ten_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "sparse.vbp"
    with open(path, "wb") as file:
        file.truncate(10 * 2**30)
    sentence, peak = refused(path)
    assert "has 10,240 MB; 64 MB is the most" in sentence
    assert peak < MOST_MEMORY
