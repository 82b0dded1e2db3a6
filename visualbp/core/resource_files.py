"""Where the files live that are carried along: icons, fonts, data sets, sample models.

An installed wheel holds them inside the package; a checkout (and an editable install) holds them beside it.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def resource_directory() -> Path:
    """The folder `resources`: inside the installed package, or else beside it."""
    return _carried_directory("resources")


def sample_models_directory() -> Path:
    """The folder of the sample models (`*.vbp`): inside the installed package, or else beside it."""
    return _carried_directory("sample_models")


def resource_path(*parts: str) -> Path:
    """The path of one resource, as in `resource_path("icons", "train.svg")`.

    Raises FileNotFoundError, naming the resource and the folder, when it is not there.
    """
    directory = resource_directory()
    path = directory.joinpath(*parts)
    if not path.exists():
        raise FileNotFoundError(f"resource {'/'.join(parts)} is missing from {directory}: install visualbp again")
    return path


def _carried_directory(name: str, package: Path = _PACKAGE) -> Path:
    candidates = (package / name, package.parent / name)
    for directory in candidates:
        if directory.is_dir():
            return directory
    places = " nor ".join(str(directory) for directory in candidates)
    raise FileNotFoundError(f"the folder {name} is neither {places}: install visualbp again")
