"""What a wheel of the project carries, and that the installed package finds it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from visualbp import __version__

ROOT = Path(__file__).parents[2]
NOT_CARRIED = ("resources/bootstrap.py", "resources/pictures/", "resources/decisions/")
"""The script for a fresh machine, the README's pictures, and why the code is as it is."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    (built,) = directory.glob("*.whl")
    assert built.name == f"visualbp-{__version__}-py3-none-any.whl"
    return zipfile.ZipFile(built)


def carried_files() -> list[str]:
    """Every file of resources and sample_models but what only a checkout needs."""
    files = [
        path for name in ("resources", "sample_models") for path in sorted((ROOT / name).rglob("*")) if path.is_file()
    ]
    names = [path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts]
    return [name for name in names if not name.startswith(NOT_CARRIED)]


def test_every_resource_and_sample_model_is_in_the_wheel_unchanged(wheel: zipfile.ZipFile) -> None:
    assert len(carried_files()) > 60
    for name in carried_files():
        assert wheel.read(f"visualbp/{name}") == (ROOT / name).read_bytes(), name


def test_every_module_is_in_the_wheel_and_nothing_lies_beside_the_package(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "visualbp").rglob("*.py")}
    assert modules <= names
    assert {name.split("/")[0] for name in names} == {"visualbp", f"visualbp-{__version__}.dist-info"}


@pytest.mark.parametrize("font", ["Inter", "JetBrainsMono"])
def test_the_fonts_licences_travel_with_them(wheel: zipfile.ZipFile, font: str) -> None:
    assert b"SIL OPEN FONT LICENSE" in wheel.read(f"visualbp/resources/fonts/{font}-LICENSE.txt")


def test_the_wheel_makes_the_command_and_asks_for_a_pyside_that_does_not_crash(wheel: zipfile.ZipFile) -> None:
    information = f"visualbp-{__version__}.dist-info"
    assert "visualbp = visualbp.cli.main:main" in wheel.read(f"{information}/entry_points.txt").decode()
    metadata = wheel.read(f"{information}/METADATA").decode()
    assert "Requires-Dist: pyside6-essentials<6.12,>=6.11.2" in metadata.lower().replace(
        "requires-dist", "Requires-Dist"
    )
    assert "Requires-Python: >=3.11" in metadata


def test_the_installed_package_finds_what_it_carries_from_any_directory(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    installed = tmp_path / "site-packages"
    wheel.extractall(installed)
    source = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        "from visualbp.core.resource_files import resource_path, sample_models_directory\n"
        "print(resource_path('icons', 'train.svg'), sample_models_directory(), sep='\\n')"
    )
    command = [sys.executable, "-P", "-c", source]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    carried = installed.resolve() / "visualbp"
    assert result.stdout.splitlines() == [str(carried / "resources/icons/train.svg"), str(carried / "sample_models")]
