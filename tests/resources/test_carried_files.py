"""The icons, fonts and data sets themselves, and the helper that finds them."""

import re
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QFont, QFontDatabase, QFontInfo, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from visualbp.core.resource_files import resource_directory, resource_path, sample_models_directory

ICONS = sorted(resource_path("icons").glob("*.svg"))
THEMED_ICONS = [path for path in ICONS if path.stem != "visualbp"]
NEEDED_ICONS = re.findall(
    r"\w+",
    """
    step_operation step_layer step_out step_back step_back_operation run_iteration continue pause reset train check
    breakpoint new open save save_as undo redo delete copy paste duplicate fit tidy zoom_in zoom_out search sun moon
    presenter lock warning error info pass kink close plus minus chevron_down chevron_right image dice keyboard eye
    layer_input layer_dense layer_activation layer_add layer_multiply layer_concatenate layer_flatten layer_dropout
    layer_loss layer_conv2d layer_pool layer_norm layer_rnn layer_lstm layer_gru layer_embedding
    layer_attention visualbp
    """,
)


def drawn(svg: bytes, size: int) -> np.ndarray:
    """The icon as (size, size, 4) of blue, green, red and alpha."""
    renderer = QSvgRenderer(QByteArray(svg))
    assert renderer.isValid()
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return np.frombuffer(image.constBits(), np.uint8).reshape(size, size, 4).copy()


def test_every_needed_icon_is_there_and_no_other() -> None:
    assert [path.stem for path in ICONS] == sorted(NEEDED_ICONS)


@pytest.mark.parametrize("path", THEMED_ICONS, ids=lambda path: path.stem)
def test_a_themed_icon_takes_the_themes_colour_everywhere(path: Path) -> None:
    svg = path.read_bytes()
    pixels = drawn(svg.replace(b"#000000", b"#ff0000"), 20)
    opaque = pixels[pixels[..., 3] > 200]
    assert len(opaque) >= 10
    assert (opaque[:, 2] > 250).all() and (opaque[:, :2] < 5).all()


@pytest.mark.parametrize("path", THEMED_ICONS, ids=lambda path: path.stem)
def test_a_themed_icon_is_not_cut_off_at_its_edges(path: Path) -> None:
    alpha = drawn(path.read_bytes(), 100)[..., 3]
    edges = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    assert not edges.any()


def test_no_two_icons_look_the_same() -> None:
    pictures = {path.stem: drawn(path.read_bytes(), 20)[..., 3].astype(int) for path in ICONS}
    names = list(pictures)
    for index, name in enumerate(names):
        for other in names[:index]:
            assert np.abs(pictures[name] - pictures[other]).mean() > 4, (name, other)


def test_the_applications_mark_keeps_teal_for_forward_and_amber_for_backward() -> None:
    blue_green_red = drawn(resource_path("icons", "visualbp.svg").read_bytes(), 64)[..., :3].reshape(-1, 3)
    colours = {tuple(pixel) for pixel in blue_green_red.tolist()}
    assert {(0xBF, 0xD4, 0x2D), (0x24, 0xA5, 0xF5)} <= colours


@pytest.mark.parametrize(
    ("family", "pattern", "weights"),
    [("Inter", "Inter-*.otf", [400, 500, 600, 700]), ("JetBrains Mono", "JetBrainsMono-*.ttf", [400, 500, 700])],
)
def test_each_carried_weight_of_a_typeface_is_one_that_qt_tells_apart(
    qapp: QApplication, family: str, pattern: str, weights: list[int]
) -> None:
    files = sorted(resource_path("fonts").glob(pattern))
    loaded = [QFontDatabase.addApplicationFont(str(path)) for path in files]
    assert len(loaded) == len(weights)
    assert all(family in QFontDatabase.applicationFontFamilies(font) for font in loaded)
    for weight in weights:
        font = QFont(family)
        font.setWeight(QFont.Weight(weight))
        found = QFontInfo(font)
        assert (found.family(), found.weight()) == (family, weight)
    for font_id in loaded:
        QFontDatabase.removeApplicationFont(font_id)


def test_the_digits_are_the_published_1797_images_of_ten_classes() -> None:
    table = np.loadtxt(resource_path("datasets", "digits.csv"), delimiter=",", skiprows=1, dtype=np.uint8)
    assert table.shape == (1797, 65)
    assert np.bincount(table[:, 64]).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (table[:, :64].min(), table[:, :64].max()) == (0, 16)
    assert table[0, 64] == 0 and table[0, :8].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_the_iris_flowers_have_the_published_means_and_classes() -> None:
    path = resource_path("datasets", "iris.csv")
    measures = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(4))
    species = np.loadtxt(path, delimiter=",", skiprows=1, usecols=4, dtype=str)
    assert measures.mean(axis=0) == pytest.approx([5.843, 3.057, 3.758, 1.199], abs=1e-3)
    assert measures.std(axis=0, ddof=1) == pytest.approx([0.828, 0.436, 1.765, 0.762], abs=1e-3)
    assert species.tolist() == ["setosa"] * 50 + ["versicolor"] * 50 + ["virginica"] * 50


@pytest.mark.parametrize("name", ["digits", "iris"])
def test_each_data_set_states_its_authors_and_licence(name: str) -> None:
    text = resource_path("datasets", f"{name}-LICENSE.txt").read_text(encoding="utf-8")
    assert "CC BY 4.0" in text and re.search(r"Creators?: ", text) and "What was changed" in text


def test_in_a_checkout_the_carried_folders_lie_beside_the_package() -> None:
    root = Path(__file__).parents[2]
    assert (resource_directory(), sample_models_directory()) == (root / "resources", root / "sample_models")


def test_a_missing_resource_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"icons/no_such_icon\.svg is missing from "):
        resource_path("icons", "no_such_icon.svg")
