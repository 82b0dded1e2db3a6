#!/usr/bin/env python3
"""Runs or tests visualbp on a fresh machine, with nothing but Python's standard library.

    python3 resources/bootstrap.py run [arguments of visualbp]
    python3 resources/bootstrap.py test [arguments of pytest]

Makes a virtual environment in .venv beside pyproject.toml, installs visualbp into it (for `test` with what its tests
need), sees to it that Qt's shared libraries load, and hands over. A second call goes straight to the last step.
Works from any current directory. `--extras NAMES`, before the command, installs further extras (as in parity).

This file has to be parsed by old Pythons (3.6), so that it can tell them that they are too old.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterable, List, Optional, Sequence, Set

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "bootstrap-stamp.json"
UNFINISHED = VENV / "bootstrap-unfinished"
LOG = VENV / "bootstrap.log"

# The commands of visualbp that open no window; anything else that is alone on the line is a file to open in one.
WINDOWLESS_COMMANDS = {"samples", "trace", "check", "train", "convert", "screenshot"}

# What a bare Debian or Ubuntu lacks: to draw offscreen, and further to open windows on an X display or on Wayland.
OFFSCREEN_PACKAGES = ["libgl1", "libegl1", "libxkbcommon0", "libdbus-1-3", "libfontconfig1", "libglib2.0-0"]
X_PACKAGES = [
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-image0",
    "libxcb-keysyms1",
    "libxcb-render-util0",
    "libxcb-shape0",
    "libxcb-xkb1",
    "libxkbcommon-x11-0",
]
WAYLAND_PACKAGES = ["libwayland-client0", "libwayland-cursor0", "libwayland-egl1"]
PLATFORM_PACKAGES = {"offscreen": [], "xcb": X_PACKAGES, "wayland": WAYLAND_PACKAGES}

# Loads Qt, draws on nothing, and loads the plugin of the display; the linker then names the first library it misses.
QT_PROBE = """
import ctypes, os, sys
import PySide6.QtWidgets, PySide6.QtSvg
from PySide6.QtCore import QLibraryInfo
from PySide6.QtGui import QGuiApplication
plugins = QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)
ctypes.CDLL(os.path.join(plugins, "platforms", "libq" + sys.argv[1] + ".so"))
QGuiApplication([])
"""


class BootstrapError(Exception):
    """Why it cannot go on, as one sentence for the person at the terminal."""


def main(arguments: Sequence[str]) -> int:
    """Does what the command line asks for and returns the exit status."""
    try:
        return bootstrap(arguments)
    except BootstrapError as failure:
        say("visualbp: %s" % failure)
        return 1
    except OSError as error:
        say("visualbp: %s: %s." % (error.filename, error.strerror))
        return 1
    except KeyboardInterrupt:
        say("visualbp: stopped.")
        return 130


def bootstrap(arguments: Sequence[str]) -> int:
    require_python()
    options, passed_on = parse(arguments)
    extras = {name for name in options.extras.split(",") if name}
    if options.command == "test":
        prepare(extras | {"test"})
        require_qt(["offscreen"])
        return hand_over([venv_python(), "-m", "pytest", *seen_from_root(passed_on)], ROOT)
    prepare(extras)
    require_qt(display_platforms() or ["offscreen"])
    if opens_window(passed_on) and not has_display():
        return show_without_display(passed_on[0] if passed_on else "xor")
    return hand_over(visualbp(*passed_on), Path.cwd())


def require_python() -> None:
    if sys.version_info[:2] < OLDEST_PYTHON:
        raise BootstrapError(
            "needs Python %d.%d or later, and %s is Python %d.%d: start this script with a newer one."
            % (*OLDEST_PYTHON, sys.executable, *sys.version_info[:2])
        )


def parse(arguments: Sequence[str]):
    """Splits the command line into this script's own options and what is passed on."""
    commands = [place for place, word in enumerate(arguments) if word in ("run", "test")]
    end = commands[0] + 1 if commands else len(arguments)
    parser = argparse.ArgumentParser(
        prog="bootstrap.py",
        description="Prepares .venv on the first call, then runs visualbp or its tests.",
        epilog="Everything after the command goes to visualbp, or to pytest.",
    )
    parser.add_argument("--extras", default="", metavar="NAMES", help="further extras to install, as in: parity")
    parser.add_argument("command", choices=["run", "test"])
    return parser.parse_args(list(arguments[:end])), list(arguments[end:])


# --- the virtual environment ---------------------------------------------------------------------------------------


def prepare(extras: Set[str]) -> None:
    """Makes .venv and installs visualbp with these extras, unless an earlier call has done so."""
    installed = recorded_extras()
    if installed is not None and extras <= installed:
        return
    if VENV.exists() and (UNFINISHED.exists() or not python_works()):
        say("1/3 removing the unfinished %s" % VENV)
        remove_venv()
    if not VENV.exists():
        say("1/3 creating %s" % VENV)
        create_venv()
    install(extras | (installed or set()))
    say("3/3 checking that Qt loads")


def venv_python() -> str:
    return str(VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def recorded_extras() -> Optional[Set[str]]:
    """The extras installed by an earlier call; None if it did not finish, or if the project has changed since."""
    if UNFINISHED.exists() or not Path(venv_python()).exists():
        return None
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
        return set(stamp["extras"]) if stamp["fingerprint"] == fingerprint() else None
    except (OSError, ValueError, KeyError, TypeError):  # absent or damaged: as if never installed
        return None


def fingerprint() -> str:
    """Changes with the project's metadata, with its place, and with the Python of .venv."""
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    digest.update(str(ROOT).encode("utf-8", "surrogateescape"))
    digest.update((VENV / "pyvenv.cfg").read_bytes())
    return digest.hexdigest()


def python_works() -> bool:
    """Whether .venv holds a Python that starts and is new enough."""
    probe = "import sys; sys.exit(sys.version_info[:2] < %r)" % (OLDEST_PYTHON,)
    try:
        return subprocess.call([venv_python(), "-c", probe], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def remove_venv() -> None:
    try:
        shutil.rmtree(str(VENV))
    except OSError as error:
        raise BootstrapError("cannot remove the unfinished %s (%s): remove it by hand." % (VENV, error)) from error


def create_venv() -> None:
    require_ensurepip()
    try:
        VENV.mkdir()
        UNFINISHED.touch()
    except OSError as error:
        raise BootstrapError("cannot create %s: %s." % (VENV, error.strerror)) from error
    status, lines = run_and_watch([sys.executable, "-m", "venv", str(VENV)])
    if status != 0:
        raise BootstrapError("cannot create %s: %s" % (VENV, last_line(lines, "venv gave no reason.")))


def require_ensurepip() -> None:
    """Debian keeps ensurepip, without which venv can install no pip, in a package of its own."""
    if importlib.util.find_spec("ensurepip") is not None:
        return
    package = "python%d.%d-venv" % tuple(sys.version_info[:2])
    install_packages([package], "this Python cannot make virtual environments (it has no ensurepip)")
    importlib.invalidate_caches()
    if importlib.util.find_spec("ensurepip") is None:
        raise BootstrapError(
            "this Python cannot make virtual environments: it has no ensurepip, even with %s." % package
        )


def install(extras: Iterable[str]) -> None:
    """Installs the project, editable, so that it never has to be installed again for a change in its code."""
    names = ",".join(sorted(extras))
    say("2/3 installing visualbp%s (the first time this takes some minutes)" % (" with " + names if names else ""))
    UNFINISHED.touch()
    require_pip()
    command = [venv_python(), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--editable", ".[%s]" % names if names else "."]
    status, lines = run_and_watch(command)
    LOG.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if status != 0:
        if status > 0:
            UNFINISHED.unlink()  # pip gave up by itself, and left nothing half done
        errors = [line for line in lines if line.lower().startswith("error")]
        reason = re.sub(r"(?i)^error: ", "", last_line(errors[:1] or lines, "pip gave no reason")).rstrip(".")
        raise BootstrapError("cannot install visualbp: %s (all of pip's output is in %s)." % (reason, LOG))
    STAMP.write_text(json.dumps({"fingerprint": fingerprint(), "extras": sorted(extras)}), encoding="utf-8")
    UNFINISHED.unlink()


def require_pip() -> None:
    """A .venv made by other tools may hold no pip."""
    if subprocess.call([venv_python(), "-c", "import pip"], stderr=subprocess.DEVNULL) != 0:
        status, lines = run_and_watch([venv_python(), "-m", "ensurepip", "--upgrade"])
        if status != 0:
            raise BootstrapError(
                "%s holds no pip (%s): remove it and call again." % (VENV, last_line(lines, "no reason"))
            )


# --- Qt's shared libraries -----------------------------------------------------------------------------------------


def display_platforms() -> List[str]:
    """The Qt platform plugins that could open windows on Linux here, the likeliest last."""
    named_by = [("wayland", "WAYLAND_DISPLAY"), ("xcb", "DISPLAY")]
    return [platform for platform, variable in named_by if os.environ.get(variable)]


def has_display() -> bool:
    return not sys.platform.startswith("linux") or bool(display_platforms())


def require_qt(platforms: Sequence[str]) -> None:
    """On Linux, sees to it that Qt and one of these platform plugins load. Elsewhere its wheels carry all."""
    if not sys.platform.startswith("linux"):
        return
    reasons = [why_qt_fails(platform) for platform in platforms]
    if None in reasons:
        return
    library = missing_library(reasons[-1])
    if library is None:
        raise BootstrapError("Qt does not start: %s" % reasons[-1])
    packages = OFFSCREEN_PACKAGES + PLATFORM_PACKAGES[platforms[-1]]
    install_packages(packages, "Qt needs %s, which is not installed" % library)
    reason = why_qt_fails(platforms[-1])
    if reason is not None:
        raise BootstrapError("Qt still does not start: %s" % reason)


def why_qt_fails(platform: str) -> Optional[str]:
    """The last line of what a Python that loads Qt has to say; None if it loads."""
    environment = dict(os.environ, QT_QPA_PLATFORM="offscreen")
    probe = subprocess.Popen(
        [venv_python(), "-c", QT_PROBE, platform],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    errors = probe.communicate()[1].splitlines()
    return None if probe.returncode == 0 else last_line(errors, "it ended with status %d." % probe.returncode)


def missing_library(reason: str) -> Optional[str]:
    found = re.search(r"(\S+\.so[.\d]*): cannot open shared object file", reason)
    return found.group(1) if found else None


def install_packages(packages: List[str], reason: str) -> None:
    """Installs packages of the system with apt when root; else says what to type, and stops."""
    if shutil.which("apt-get") is None:
        raise BootstrapError("%s: install what your system calls %s, then call again." % (reason, " ".join(packages)))
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if os.geteuid() != 0:
        raise BootstrapError("%s: run `sudo %s`, then call again." % (reason, " ".join(command)))
    say("    %s: installing %s" % (reason, " ".join(packages)))
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    run_and_watch(["apt-get", "update"], environment)  # where this fails, the install says what is missing
    patient = [command[0], "-o", "DPkg::Lock::Timeout=300", *command[1:]]  # a new machine may be updating itself
    status, lines = run_and_watch(patient, environment)
    if status != 0:
        errors = [line for line in lines if line.startswith("E: ")]
        because = last_line(errors[:1] or lines, "it gave no reason.")
        raise BootstrapError("%s, and `%s` failed: %s" % (reason, " ".join(command), because))


# --- handing over --------------------------------------------------------------------------------------------------


def visualbp(*arguments: str) -> List[str]:
    """The command that starts visualbp; -P keeps the current directory from shadowing its imports."""
    return [venv_python(), "-P", "-m", "visualbp", *arguments]


def opens_window(arguments: Sequence[str]) -> bool:
    if not arguments:
        return True
    return len(arguments) == 1 and not arguments[0].startswith("-") and arguments[0] not in WINDOWLESS_COMMANDS


def show_without_display(model: str) -> int:
    """Steps through one iteration of a model, checks its gradients and draws the window into a picture."""
    say("No display (neither DISPLAY nor WAYLAND_DISPLAY is set): tracing, checking and drawing %s instead." % model)
    picture = os.path.join(tempfile.mkdtemp(prefix="visualbp-"), "%s.png" % Path(model).stem)
    for arguments in (["trace", model], ["check", model], ["screenshot", model, picture]):
        say("\n> visualbp %s" % " ".join(arguments))
        status = subprocess.call(visualbp(*arguments))
        if status != 0:
            raise BootstrapError("`visualbp %s` ended with status %d." % (" ".join(arguments), status))
    if not os.path.isfile(picture):
        raise BootstrapError("`visualbp screenshot` left no picture at %s." % picture)
    print("The window, drawn offscreen: %s" % picture)
    return 0


def seen_from_root(arguments: Sequence[str]) -> List[str]:
    """Makes paths that exist in the current directory absolute, as pytest is started in the project's directory."""
    if Path.cwd() == ROOT:
        return list(arguments)
    return [
        os.path.abspath(word) if not word.startswith("-") and os.path.exists(word.split("::")[0]) else word
        for word in arguments
    ]


def hand_over(command: List[str], directory: Path) -> int:
    """Becomes the command where the system can, so that signals and the exit status are its own."""
    if os.name != "posix":
        return subprocess.call(command, cwd=str(directory))
    sys.stdout.flush()
    sys.stderr.flush()
    os.chdir(str(directory))
    return os.execv(command[0], command)


# --- talking -------------------------------------------------------------------------------------------------------


def say(text: str) -> None:
    """Progress goes to standard error: standard output belongs to what is run."""
    print(text, file=sys.stderr, flush=True)


def run_and_watch(command: List[str], environment: Optional[dict] = None):
    """Runs a command in the project's directory; returns its status and lines, the newest shown meanwhile."""
    process = subprocess.Popen(
        command,
        cwd=str(ROOT),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        errors="replace",
    )
    lines = []
    try:
        for line in process.stdout:
            lines.append(line.rstrip())
            show_newest(lines[-1])
        return process.wait(), lines
    finally:
        show_newest("")
        process.kill()  # where it has ended, this does nothing


def show_newest(line: str) -> None:
    """Overwrites one line of the terminal; in a log it would be noise."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write("\r" + ("    " + line)[:width].ljust(width) + ("" if line else "\r"))
        sys.stderr.flush()


def last_line(lines: Sequence[str], otherwise: str) -> str:
    spoken = [line.strip() for line in lines if line.strip()]
    return spoken[-1] if spoken else otherwise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
