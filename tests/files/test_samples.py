"""Finding a model by a path or by a sample's name."""

from pathlib import Path

import pytest

from visualbp.files import FileError, find_model, load_network, sample_models


def test_samples_are_listed_with_their_own_titles_and_descriptions() -> None:
    samples = {sample.name: sample for sample in sample_models()}
    assert {"xor", "vanishing", "worked_example"} <= set(samples)
    network = load_network(samples["xor"].path)
    assert (samples["xor"].title, samples["xor"].description) == (network.name, network.description)


def test_a_sample_is_found_by_its_name_with_and_without_the_suffix() -> None:
    assert find_model("xor") == find_model("xor.vbp")
    assert find_model("xor").name == "xor.vbp"


def test_a_file_at_the_path_goes_before_a_sample_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "xor.vbp").write_text("mine")
    (tmp_path / "digits").mkdir()
    assert find_model("xor.vbp").read_text() == "mine"
    assert find_model("digits").name == "digits.vbp"  # a folder is no model


def test_a_name_that_is_nothing_gets_the_nearest_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match=r"^xro: there is no such file, .*did you mean the sample xor\?$"):
        find_model("xro")
    with pytest.raises(FileError, match="visualbp samples lists the samples"):
        find_model("/no/such/quux.vbp")
    with pytest.raises(FileError):
        find_model("a\0b")


def test_a_folder_is_handed_on_to_be_refused_as_one(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is a folder"):
        load_network(find_model(str(tmp_path)))
