"""resources/bootstrap.py, run for real in small projects whose installation needs no network."""

import ast
import importlib.util
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from visualbp.cli.main import COMMANDS

SCRIPT = Path(__file__).parents[2] / "resources" / "bootstrap.py"

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="display and shared libraries of Linux")
on_posix = pytest.mark.skipif(os.name != "posix", reason="uses a shell script in place of a program of the system")

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["build_backend"]

[project]
name = "visualbp"
version = "0"
optional-dependencies = { test = [], parity = [] }
"""

# The least that pip calls a build backend: a wheel that puts the project's directory on the path.
BACKEND = """
import pathlib, zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    root = pathlib.Path.cwd()
    (root / "installations.txt").open("a").write("installed\\n")
    metadata = "Metadata-Version: 2.1\\nName: visualbp\\nVersion: 0\\nProvides-Extra: test\\nProvides-Extra: parity\\n"
    tags = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / "visualbp-0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("visualbp.pth", str(root / "packages"))
        wheel.writestr("visualbp-0.dist-info/METADATA", metadata)
        wheel.writestr("visualbp-0.dist-info/WHEEL", tags)
        wheel.writestr("visualbp-0.dist-info/RECORD", "")
    return "visualbp-0-py3-none-any.whl"
"""

# Say what they were started with, and where; `fail` ends with status 3 like a program that failed.
ECHO = """
import json, os, sys
print(json.dumps({"program": "%s", "arguments": sys.argv[1:], "directory": os.getcwd()}))
if "screenshot" in sys.argv:
    open(sys.argv[3], "w").write("a picture")
if "fail" in sys.argv:
    sys.exit(3)
"""

# Fails like Qt without libEGL until the file of that name is there.
PYSIDE = """
import pathlib
if not (pathlib.Path(__file__).parent / "libEGL.so.1").exists():
    raise ImportError("libEGL.so.1: cannot open shared object file: No such file or directory")
"""
QT_CORE = """
import pathlib
class QLibraryInfo:
    class LibraryPath: PluginsPath = 0
    def path(which): return str(pathlib.Path(__file__).parent)
"""


def make_project(root: Path) -> Path:
    """A project with the shape of this one, and with stand-ins for visualbp, pytest and PySide6."""
    for directory in (
        "resources",
        "build_backend",
        "packages/visualbp",
        "packages/pytest",
        "packages/PySide6/platforms",
    ):
        (root / directory).mkdir(parents=True)
    shutil.copy(SCRIPT, root / "resources")
    packages = root / "packages"
    files = {
        root / "pyproject.toml": PYPROJECT,
        root / "build_backend/backend.py": BACKEND,
        packages / "visualbp/__main__.py": ECHO % "visualbp",
        packages / "pytest/__main__.py": ECHO % "pytest",
        packages / "PySide6/__init__.py": PYSIDE,
        packages / "PySide6/QtCore.py": QT_CORE,
        packages / "PySide6/QtGui.py": "def QGuiApplication(arguments): pass",
        packages / "PySide6/QtWidgets.py": "",
        packages / "PySide6/QtSvg.py": "",
        packages / "PySide6/libEGL.so.1": "",
    }
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    for platform in ("offscreen", "xcb"):  # any shared library of Python's own will do to be loaded
        (packages / f"PySide6/platforms/libq{platform}.so").symlink_to(_some_shared_library())
    return root


def _some_shared_library() -> str:
    spec = importlib.util.find_spec("_ctypes")
    assert spec is not None and spec.origin is not None
    return spec.origin


def call(
    project: Path, *arguments: str, directory: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    without_display = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [sys.executable, str(project / "resources/bootstrap.py"), *arguments],
        cwd=directory or project,
        env={**without_display, "TMPDIR": str(project), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def echoes(result: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def installations(project: Path) -> int:
    return (project / "installations.txt").read_text(encoding="utf-8").count("installed")


@pytest.fixture(scope="module")
def first_call(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """The first call ever, from another directory, in a project whose path holds a space."""
    project = make_project(tmp_path_factory.mktemp("a project"))
    result = call(project, "run", "train", "a model.vbp", "--json", directory=project.parent)
    result.args = project
    return result


@pytest.fixture(scope="module")
def project(first_call: subprocess.CompletedProcess[str]) -> Path:
    return Path(str(first_call.args))


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_first_call_makes_venv_installs_and_runs_visualbp_where_it_was_called(
    first_call: subprocess.CompletedProcess[str], project: Path
) -> None:
    assert first_call.returncode == 0, first_call.stderr
    expected = {"program": "visualbp", "arguments": ["train", "a model.vbp", "--json"]}
    assert echoes(first_call) == [{**expected, "directory": str(project.parent.resolve())}]
    assert (project / ".venv/pyvenv.cfg").exists()


def test_progress_is_shown_beside_the_output_of_visualbp(first_call: subprocess.CompletedProcess[str]) -> None:
    steps = [line[:3] for line in first_call.stderr.splitlines()]
    assert steps == ["1/3", "2/3", "3/3"]
    assert len(first_call.stdout.splitlines()) == 1


def test_a_second_call_installs_nothing_says_nothing_and_is_quick(project: Path) -> None:
    before, begin = installations(project), time.perf_counter()
    result = call(project, "run", "samples")
    assert time.perf_counter() - begin < 2
    assert (result.stderr, installations(project)) == ("", before)
    assert echoes(result)[0]["arguments"] == ["samples"]


def test_the_test_command_passes_its_arguments_to_pytest_in_the_project_directory(project: Path) -> None:
    result = call(
        project, "test", "-k", "xor", "resources/bootstrap.py", "bootstrap.py", directory=project / "resources"
    )
    assert result.returncode == 0, result.stderr
    here = str(project.resolve() / "resources" / "bootstrap.py")
    expected = {"program": "pytest", "arguments": ["-k", "xor", "resources/bootstrap.py", here]}
    assert echoes(result) == [{**expected, "directory": str(project.resolve())}]


def test_extras_are_installed_once_and_kept(project: Path) -> None:
    for arguments in (["--extras", "parity", "run", "samples"], ["test"]):
        assert call(project, *arguments).returncode == 0
    before = installations(project)
    for arguments in (["run", "samples"], ["test"], ["--extras", "parity", "test"]):
        assert call(project, *arguments).returncode == 0
    stamp = json.loads((project / ".venv/bootstrap-stamp.json").read_text(encoding="utf-8"))
    assert {"parity", "test"} <= set(stamp["extras"])
    assert installations(project) == before


def test_a_changed_pyproject_is_installed_again(project: Path) -> None:
    before = installations(project)
    with (project / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("# another dependency\n")
    assert call(project, "run", "samples").returncode == 0
    assert installations(project) == before + 1


def test_files_in_the_current_directory_do_not_shadow_modules(project: Path, tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')", encoding="utf-8")
    result = call(project, "run", "samples", directory=tmp_path)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("command", ["run", "test"])
def test_the_exit_status_is_that_of_what_was_run(project: Path, command: str) -> None:
    assert call(project, command, "samples", "fail").returncode == 3


@on_linux
def test_without_a_display_run_says_so_and_traces_checks_and_draws_a_sample(project: Path) -> None:
    result = call(project, "run")
    assert result.returncode == 0, result.stderr
    assert "No display" in result.stderr
    commands = [echo["arguments"] for echo in echoes(result)]
    picture = result.stdout.splitlines()[-1].rpartition(": ")[2]
    assert commands == [["trace", "xor"], ["check", "xor"], ["screenshot", "xor", picture]]
    assert Path(picture).read_text(encoding="utf-8") == "a picture"


@on_linux
def test_without_a_display_a_failing_part_is_one_sentence(project: Path) -> None:
    result = call(project, "run", "fail")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == "visualbp: `visualbp trace fail` ended with status 3."


@on_linux
def test_with_a_display_run_opens_the_window(project: Path) -> None:
    result = call(project, "run", DISPLAY=":0")
    assert [echo["arguments"] for echo in echoes(result)] == [[]]


def test_it_knows_every_command_that_opens_no_window(bootstrap: ModuleType) -> None:
    assert sorted(COMMANDS) == sorted(bootstrap.WINDOWLESS_COMMANDS)


def test_an_unfinished_venv_is_made_anew(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (project / ".venv").mkdir()
    (project / ".venv/bootstrap-unfinished").touch()
    (project / ".venv/half-written").touch()
    result = call(project, "run", "samples")
    assert result.returncode == 0, result.stderr
    assert "removing the unfinished" in result.stderr
    assert not (project / ".venv/half-written").exists()


@on_posix
def test_interrupted_while_installing_it_stops_quietly_and_the_next_call_begins_again(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    backend = project / "build_backend/backend.py"
    backend.write_text("import time\ntime.sleep(60)", encoding="utf-8")
    command = [sys.executable, str(project / "resources/bootstrap.py"), "run", "samples"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = ""
    while "2/3" not in said:
        said = process.stderr.readline()
        assert said, "it ended before it installed anything"
    while not (installer := psutil.Process(process.pid).children()):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert (process.communicate(timeout=20)[1], process.returncode) == ("visualbp: stopped.\n", 130)
    assert psutil.wait_procs(installer, timeout=5)[1] == []
    backend.write_text(BACKEND, encoding="utf-8")
    again = call(project, "run", "samples")
    assert again.returncode == 0, again.stderr
    assert "removing the unfinished" in again.stderr


@on_posix
def test_a_venv_that_cannot_be_created_is_one_sentence(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (project / ".venv").symlink_to("/nowhere/at/all")
    result = call(project, "run")
    assert result.returncode == 1
    assert result.stderr.splitlines()[1:] == [f"visualbp: cannot create {project / '.venv'}: File exists."]


@on_posix
def test_a_venv_whose_python_is_gone_is_made_anew(project: Path) -> None:
    python = project / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    result = call(project, "run", "samples")
    assert result.returncode == 0, result.stderr
    assert "1/3 creating" in result.stderr


def test_a_failed_installation_is_one_sentence_with_pips_reason(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (project / "build_backend/backend.py").write_text(
        "raise SystemExit('error: the backend is broken')", encoding="utf-8"
    )
    result = call(project, "run")
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("visualbp: cannot install visualbp: ") and last.endswith("bootstrap.log).")
    assert "Traceback" not in result.stderr
    assert "the backend is broken" in (project / ".venv/bootstrap.log").read_text(encoding="utf-8")
    assert not (project / ".venv/bootstrap-unfinished").exists(), "the next call would begin from nothing"


def test_a_wrong_command_names_the_right_ones(project: Path) -> None:
    result = call(project, "start")
    assert result.returncode == 2
    assert "run" in result.stderr and "test" in result.stderr and "Traceback" not in result.stderr


def test_the_script_can_be_parsed_by_python_3_6() -> None:
    assert ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6)).body


def test_an_old_python_is_told_which_one_it_takes(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    assert bootstrap.main(["run"]) == 1
    message = capsys.readouterr().err
    assert "needs Python 3.11 or later" in message and "is Python 3.9" in message and message.count("\n") == 1


class FakeSystem:
    """A machine without libEGL, with an apt-get that brings it and notes how it was called."""

    def __init__(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch, bootstrap: ModuleType, status: int = 0
    ) -> None:
        self.project = make_project(directory / "project")
        self.library = self.project / "packages/PySide6/libEGL.so.1"
        self.library.unlink()
        self.calls = directory / "apt-calls.txt"
        self.calls.touch()
        programs = directory / "programs"
        programs.mkdir()
        apt = programs / "apt-get"
        effect = f"touch '{self.library}'" if status == 0 else "echo 'E: Unable to locate package libegl1'"
        apt.write_text(f"#!/bin/sh\necho \"$@\" >> '{self.calls}'\n{effect}\nexit {status}\n", encoding="utf-8")
        apt.chmod(apt.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(programs) + os.pathsep + os.environ["PATH"])
        monkeypatch.setenv("PYTHONPATH", str(self.project / "packages"))
        monkeypatch.setattr(bootstrap, "venv_python", lambda: sys.executable)
        monkeypatch.setattr(bootstrap, "ROOT", self.project)

    def installed_packages(self) -> list[str]:
        installs = [line for line in self.calls.read_text(encoding="utf-8").splitlines() if " install " in line]
        return [word for line in installs for word in line.split() if word.startswith("lib")]


@on_linux
def test_as_root_qts_missing_libraries_are_installed_with_apt(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = FakeSystem(tmp_path, monkeypatch, bootstrap)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    bootstrap.require_qt(["offscreen"])
    assert {"libegl1", "libgl1", "libxkbcommon0"} <= set(system.installed_packages())
    assert "libxcb-cursor0" not in system.installed_packages()


@on_linux
def test_for_an_x_display_its_libraries_are_installed_too(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = FakeSystem(tmp_path, monkeypatch, bootstrap)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    bootstrap.require_qt(["xcb"])
    assert {"libegl1", "libxcb-cursor0", "libxkbcommon-x11-0"} <= set(system.installed_packages())


@on_linux
def test_a_missing_library_of_the_display_alone_is_found(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = FakeSystem(tmp_path, monkeypatch, bootstrap)
    system.library.touch()
    (system.project / "packages/PySide6/platforms/libqxcb.so").unlink()
    assert bootstrap.why_qt_fails("offscreen") is None
    assert "libqxcb.so" in bootstrap.why_qt_fails("xcb")


@on_linux
def test_without_root_the_exact_command_is_told_and_nothing_is_run(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = FakeSystem(tmp_path, monkeypatch, bootstrap)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(bootstrap.BootstrapError) as told:
        bootstrap.require_qt(["offscreen"])
    assert "Qt needs libEGL.so.1" in str(told.value)
    assert "`sudo apt-get install -y --no-install-recommends libgl1 libegl1 " in str(told.value)
    assert system.calls.read_text(encoding="utf-8") == ""


@on_linux
def test_apts_own_reason_is_told_when_it_fails(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeSystem(tmp_path, monkeypatch, bootstrap, status=100)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(bootstrap.BootstrapError, match="E: Unable to locate package libegl1"):
        bootstrap.require_qt(["offscreen"])


@on_linux
def test_a_python_without_ensurepip_gets_the_package_that_holds_it(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = FakeSystem(tmp_path, monkeypatch, bootstrap)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    with pytest.raises(bootstrap.BootstrapError, match=f"ensurepip.*sudo apt-get install .*{package}"):
        bootstrap.require_ensurepip()
    assert system.calls.read_text(encoding="utf-8") == ""
