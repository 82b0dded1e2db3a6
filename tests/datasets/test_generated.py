"""The generated sets: seeded, of the size asked for, and of the shape that their names promise."""

import numpy as np
import pytest

from visualbp.core.arrays import Array
from visualbp.core.options import OptionError
from visualbp.datasets import Dataset, datasets, load_dataset
from visualbp.datasets.base import make_spec

CLASSES = ("xor", "circles", "gaussians", "moons", "spirals")
CURVES = ("linear", "sine")


def load(source: str, **options: object) -> Dataset:
    return load_dataset(make_spec(source, options))


def points_of(dataset: Dataset, index: int) -> Array:
    points: Array = dataset.inputs[dataset.targets == index]
    return points


@pytest.mark.parametrize("source", [*CLASSES, *CURVES])
def test_a_set_is_the_same_for_the_same_seed_and_another_for_another(source: str) -> None:
    one, same = (load(source, samples=60, noise=0.1, seed=5) for _ in range(2))
    other = load(source, samples=60, noise=0.1, seed=6)
    np.testing.assert_array_equal(one.inputs, same.inputs)
    np.testing.assert_array_equal(one.targets, same.targets)
    assert not np.array_equal(one.inputs, other.inputs) or not np.array_equal(one.targets, other.targets)


@pytest.mark.parametrize("source", [*CLASSES, *CURVES])
@pytest.mark.parametrize("samples", [4, 61])
def test_a_set_has_the_samples_that_were_asked_for_read_only(source: str, samples: int) -> None:
    dataset = load(source, samples=samples)
    assert len(dataset) == len(dataset.targets) == samples
    assert dataset.inputs.dtype == np.float64 and np.isfinite(dataset.inputs).all()
    assert not dataset.inputs.flags.writeable and not dataset.targets.flags.writeable
    assert len(dataset.input_names) == dataset.inputs.shape[1]


@pytest.mark.parametrize("source", CLASSES)
def test_classes_are_indices_in_equal_shares_mixed_through_the_set(source: str) -> None:
    dataset = load(source, samples=200)
    assert dataset.targets.shape == (200,) and dataset.targets_are_classes
    assert np.bincount(dataset.targets).tolist() == [100, 100]
    first = np.bincount(dataset.targets[:50], minlength=2)
    assert first.min() >= 10


@pytest.mark.parametrize("source", CURVES)
def test_curves_have_one_input_from_minus_1_to_1_and_numbers_as_targets(source: str) -> None:
    dataset = load(source, samples=101, noise=0.0)
    assert dataset.inputs.shape == dataset.targets.shape == (101, 1)
    assert not dataset.targets_are_classes
    assert (dataset.inputs.min(), dataset.inputs.max()) == (-1.0, 1.0)


@pytest.mark.parametrize("source", datasets.names())
def test_every_source_has_words_for_people(source: str) -> None:
    entry = datasets.get(source)
    assert entry.label and entry.description.endswith(".")
    assert all(option.description for option in entry.options)


def test_xor_is_yes_where_the_inputs_differ() -> None:
    dataset = load("xor")
    assert len(dataset) == 4
    np.testing.assert_array_equal(dataset.targets, dataset.inputs[:, 0] != dataset.inputs[:, 1])


def test_circles_lie_at_radius_1_and_the_factor() -> None:
    dataset = load("circles", noise=0.0, factor=0.25)
    np.testing.assert_allclose(np.linalg.norm(points_of(dataset, 0), axis=1), 1.0)
    np.testing.assert_allclose(np.linalg.norm(points_of(dataset, 1), axis=1), 0.25)


def test_the_noise_of_gaussians_is_their_standard_deviation() -> None:
    dataset = load("gaussians", samples=30_000, noise=0.3, classes=3)
    assert np.bincount(dataset.targets).tolist() == [10_000] * 3
    for index in range(3):
        points = points_of(dataset, index)
        assert points.std(axis=0) == pytest.approx([0.3, 0.3], rel=0.03)
        assert np.linalg.norm(points.mean(axis=0)) == pytest.approx(1.0, abs=0.02)


def test_moons_are_half_circles_whose_ends_reach_into_each_other() -> None:
    dataset = load("moons", noise=0.0)
    upper, lower = points_of(dataset, 0), points_of(dataset, 1)
    np.testing.assert_allclose(np.hypot(upper[:, 0] + 0.5, upper[:, 1] + 0.25), 1.0)
    np.testing.assert_allclose(np.hypot(lower[:, 0] - 0.5, lower[:, 1] - 0.25), 1.0)
    assert upper[:, 1].min() < lower[:, 1].max()


@pytest.mark.parametrize(("arms", "turns"), [(2, 1.5), (3, 0.5)])
def test_a_spiral_winds_round_as_often_as_asked_and_its_arms_are_turned_copies(arms: int, turns: float) -> None:
    dataset = load("spirals", samples=arms * 200, noise=0.0, arms=arms, turns=turns)
    angles = []
    for arm in range(arms):
        points = points_of(dataset, arm)
        order = np.argsort(np.linalg.norm(points, axis=1))
        angle = np.unwrap(np.arctan2(points[order, 1], points[order, 0]))
        assert np.linalg.norm(points, axis=1).max() == pytest.approx(1.0)
        assert (angle[-1] - angle[0]) / (2 * np.pi) == pytest.approx(turns, rel=0.01)
        angles.append(angle[0])
    between = np.diff(angles) % (2 * np.pi)
    np.testing.assert_allclose(between, 2 * np.pi / arms)


def test_the_line_and_the_sine_are_what_they_say() -> None:
    line = load("linear", noise=0.0, slope=-3.0, intercept=0.25)
    np.testing.assert_allclose(line.targets, -3.0 * line.inputs + 0.25)
    sine = load("sine", noise=0.0, periods=2.0)
    np.testing.assert_allclose(sine.targets, np.sin(2.0 * np.pi * sine.inputs), atol=1e-12)


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("spirals", {"samples": 10**9}),
        ("spirals", {"arms": 0}),
        ("moons", {"noise": -1}),
        ("xor", {"samples": 3}),
        ("digits", {"samples": 1798}),
        ("sine", {"arms": 2}),
    ],
)
def test_absurd_options_are_refused_before_anything_is_made(source: str, options: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        make_spec(source, options)


def test_digits_hold_out_what_is_not_trained_on() -> None:
    dataset = load("digits", samples=1000)
    assert dataset.held_out is not None
    assert (dataset.inputs.shape, dataset.held_out.inputs.shape) == ((1000, 64), (797, 64))
    together = np.concatenate([dataset.inputs, dataset.held_out.inputs])
    assert len(np.unique(np.column_stack([together, np.zeros(1797)]), axis=0)) >= 1790  # no digit twice
    assert (together.min(), together.max()) == (0.0, 1.0)
    counts = np.bincount(np.concatenate([dataset.targets, dataset.held_out.targets]))
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # of the published set
    assert dataset.class_names == tuple("0123456789")


def test_digits_as_images_have_the_same_pixels() -> None:
    rows, images = load("digits"), load("digits", image=True)
    assert images.input_shape == (1, 8, 8)
    np.testing.assert_array_equal(images.inputs.reshape(-1, 64), rows.inputs)


def test_all_digits_can_be_trained_on() -> None:
    assert load("digits", samples=1797).held_out is None


def test_iris_has_its_species_and_is_scaled_by_the_training_part() -> None:
    dataset = load("iris", samples=100)
    assert dataset.class_names == ("setosa", "versicolor", "virginica")
    assert dataset.held_out is not None and len(dataset.held_out) == 50
    np.testing.assert_allclose(dataset.inputs.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(dataset.inputs.std(axis=0), 1.0)
    assert np.abs(dataset.held_out.inputs.mean(axis=0)).max() > 1e-3


def test_iris_in_centimetres_has_the_published_means() -> None:
    dataset = load("iris", samples=150, standardize=False)
    np.testing.assert_allclose(dataset.inputs.mean(axis=0), [5.843333, 3.057333, 3.758, 1.199333], atol=1e-5)
    assert np.bincount(dataset.targets).tolist() == [50, 50, 50]
