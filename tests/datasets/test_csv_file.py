"""CSV files: numbers and labels as they are, and every fault with its line and column."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visualbp.datasets import DataError, Dataset, load_dataset
from visualbp.datasets.base import make_spec

TABLE = "width,height,kind\n1,2.5,cat\n3,-4e1,dog\n5,6,cat\n"


class Folder:
    """A folder with one CSV file, `table.csv`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, content: str | bytes, **options: Any) -> Dataset:
        data = content if isinstance(content, bytes) else content.encode()
        (self.path / "table.csv").write_bytes(data)
        return load_dataset(make_spec("csv", {"path": "table.csv", **options}), self.path)

    def message(self, content: str | bytes, **options: Any) -> str:
        with pytest.raises(DataError) as caught:
            self.load(content, **options)
        text = str(caught.value)
        assert text.startswith("table.csv: ") and "\n" not in text
        return text


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_the_last_column_is_the_target_and_labels_become_classes_by_name(folder: Folder) -> None:
    dataset = folder.load(TABLE)
    assert dataset.inputs.tolist() == [[1.0, 2.5], [3.0, -40.0], [5.0, 6.0]]
    assert dataset.targets.tolist() == [0, 1, 0] and dataset.targets_are_classes
    assert dataset.class_names == ("cat", "dog")
    assert dataset.input_names == ("width", "height")


def test_classes_are_in_the_order_of_their_names_not_of_their_rows(folder: Folder) -> None:
    dataset = folder.load("x,kind\n1,zebra\n2,ant\n")
    assert dataset.class_names == ("ant", "zebra") and dataset.targets.tolist() == [1, 0]


def test_columns_are_chosen_by_name_in_the_order_given(folder: Folder) -> None:
    dataset = folder.load("a,b,c,d\n1,2,3,4\n5,6,7,8\n", inputs=["d", "a"], target="b")
    assert dataset.inputs.tolist() == [[4.0, 1.0], [8.0, 5.0]]
    assert dataset.targets.tolist() == [[2.0], [6.0]]


def test_several_target_columns_are_a_vector(folder: Folder) -> None:
    dataset = folder.load("a,b,c\n1,0.5,3\n5,0.25,7\n", target=["b", "c"])
    assert dataset.inputs.tolist() == [[1.0], [5.0]]
    assert dataset.targets.tolist() == [[0.5, 3.0], [0.25, 7.0]]


@pytest.mark.parametrize(
    ("column", "are_classes"),
    [
        (["0", "1", "2", "1"], True),
        (["0", "1", "1", "0"], True),
        (["1", "2"], False),
        (["0", "0.5"], False),
        (["0"], False),
    ],
)
def test_numbers_that_count_from_0_without_a_gap_are_classes(
    folder: Folder, column: list[str], are_classes: bool
) -> None:
    dataset = folder.load("x,y\n" + "".join(f"1,{value}\n" for value in column))
    assert dataset.targets_are_classes == are_classes


@pytest.mark.parametrize(
    "content",
    [
        TABLE.replace("\n", "\r\n"),
        TABLE.replace(",", ";"),
        TABLE.replace(",", "\t"),
        "\ufeff" + TABLE,
        TABLE.rstrip("\n"),
        TABLE + "\n\n",
        TABLE.replace("width", '"width"').replace("cat", '"cat"').replace(",", ",  "),
    ],
    ids=["windows", "semicolons", "tabs", "byte order mark", "no last line end", "blank lines", "quotes and spaces"],
)
def test_the_usual_kinds_of_csv_read_alike(folder: Folder, content: str) -> None:
    dataset = folder.load(content)
    assert dataset.inputs.tolist() == [[1.0, 2.5], [3.0, -40.0], [5.0, 6.0]]
    assert dataset.class_names == ("cat", "dog")


def test_inputs_can_be_standardized_and_samples_held_out(folder: Folder) -> None:
    rows = "".join(f"{index},{index % 7 + 0.5}\n" for index in range(100))
    dataset = folder.load("x,y\n" + rows, standardize=True, held_out=0.2)
    assert dataset.held_out is not None and (len(dataset), len(dataset.held_out)) == (80, 20)
    assert dataset.inputs.mean() == pytest.approx(0.0, abs=1e-12)
    assert dataset.inputs.std() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty; it needs a line with the names"),
        ("\n\n", "is empty"),
        ("a,b\n", "has no samples below its header"),
        ("a\n1\n", "no column left for the inputs"),
        ("a,,c\n1,2,3\n", "line 1: column 2 has no name"),
        ("a,b,a\n1,2,3\n", "line 1: 2 columns are called 'a'"),
        ("a,b\n1,2\n3\n", "line 3 has 1 values, and the header names 2"),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 values"),
        ("a,b\n1,2\n\nx,4\n", "line 4, column 'a': 'x' is not a number"),
        ("a,b\n1,2\n,4\n", "line 3, column 'a': is empty; a number is needed"),
        ("a,b\n1,2\nnan,4\n", "line 3, column 'a': nan is not a finite number"),
        ("a,b\n1e999,2\n", "line 2, column 'a': 1e999 is not a finite number"),
        ("a,b\n1_000,2\n", "line 2, column 'a': '1_000' is not a number"),
        ("a,b\n1,2\n3,n/a\n", "line 3, column 'b': 'n/a' is not a number"),
        ("a,b\n1,cat\n3,\n", "line 3, column 'b': is empty; a class label is needed"),
        ('a,b\n1,"2\n', "line 2: the quote that begins here is not closed"),
        ('a,b\n1,"2"x\n', "line 2 is not CSV"),
        (b"a,b\n1,\xff\n", "is not UTF-8 text (byte 0xff); save it as UTF-8"),
        (b"a,b\n1,\x00\n", "line 2 holds a zero byte"),
        ("a,b\n" + "1,2" * 400_000, "line 2 is longer than 1,000,000 characters"),
        (",".join(f"c{index}" for index in range(10_001)) + "\n", "10,001 columns"),
        ("a,b\n" + "".join(f"1,label{index}\n" for index in range(1001)), "more than 1,000 different labels"),
    ],
)
def test_a_fault_is_named_with_its_line_and_column(folder: Folder, content: str | bytes, reason: str) -> None:
    assert reason in folder.message(content)


def test_a_missing_column_gets_the_nearest_one_or_the_list(folder: Folder) -> None:
    assert "no column 'widht'; did you mean 'width'?" in folder.message(TABLE, inputs=["widht"])
    assert "no column 'zzz'; it has width, height, kind" in folder.message(TABLE, target="zzz")


def test_text_among_the_inputs_is_a_fault_even_if_the_target_is_text(folder: Folder) -> None:
    assert "line 2, column 'kind': 'cat' is not a number" in folder.message(TABLE, inputs=["kind"], target="width")


def test_more_numbers_than_the_limit_are_refused_while_they_are_read(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visualbp.datasets.csv_file.MOST_NUMBERS", 100)
    assert "line 52: more than 100 numbers" in folder.message("a,b\n" + '"1",2\n' * 200)


def test_a_file_of_gigabytes_is_refused_unread(folder: Folder) -> None:
    path = folder.path / "large.csv"
    with open(path, "wb") as file:
        file.truncate(2**31)
    with pytest.raises(DataError, match=r"large.csv: has 2,048 MB; 64 MB is the most"):
        load_dataset(make_spec("csv", {"path": "large.csv"}), folder.path)


def test_a_path_is_looked_for_beside_the_model_and_needs_to_know_where_that_is(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    absolute = make_spec("csv", {"path": str(tmp_path / "t.csv")})
    assert len(load_dataset(absolute, None)) == len(load_dataset(absolute, Path("/nowhere"))) == 1
    with pytest.raises(DataError, match="save the model first"):
        load_dataset(make_spec("csv", {"path": "t.csv"}), None)


@pytest.mark.parametrize("path", ["no.csv", ".", "a\0b", ""])
def test_a_path_to_no_file_is_one_sentence(path: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_dataset(make_spec("csv", {"path": path}), tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="named pipes are Unix's")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="is not a file"):
        load_dataset(make_spec("csv", {"path": "pipe.csv"}), tmp_path)


def test_arrays_are_read_only(folder: Folder) -> None:
    dataset = folder.load(TABLE)
    assert not dataset.inputs.flags.writeable and not dataset.targets.flags.writeable
    assert dataset.targets.dtype == np.int64


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('a,b\n1,"2\n3,4\n5,6\n', 2),
        ('a,b\n1,2\n3,4\n"5,6\n' + "7,8\n" * 1000, 4),
        ('a,b\n1,2\n"3,4\n5,"6"\n7,8\n', 3),  # the next quote ends the cell, and something comes after it
        ('a,b\n3,"1\n""\n2"\n4,"5\n6,7\n', 5),  # a cell over three lines, and then one that is not closed
        ('a,"b\n1,2\n', 1),
        ('a;b\n1; "2\n3;4\n', 2),
    ],
)
def test_a_quote_that_is_not_closed_is_named_by_the_line_where_it_begins(
    content: str, line: int, folder: Folder
) -> None:
    text = folder.message(content)
    assert f"line {line}: the quote that begins here is not closed" in text


def test_a_quote_that_swallows_the_rest_of_a_long_table_is_found_where_it_begins(folder: Folder) -> None:
    rows = [f"{number},{number}" for number in range(200_000)]
    rows[1000] = '"1000,1000'
    assert "line 1002: the quote that begins here" in folder.message("a,b\n" + "\n".join(rows))


def test_a_row_over_several_lines_is_named_with_all_of_them(folder: Folder) -> None:
    assert "lines 3 to 4 are one row and have 1 values" in folder.message('a,b\n1,2\n"3\n4"\n')


def test_a_quote_in_the_wrong_place_of_a_line_is_named_as_before(folder: Folder) -> None:
    assert "line 2 is not CSV" in folder.message('a,b\n"1"2,3\n')


def test_a_table_that_is_too_long_is_refused_before_it_is_read_through(folder: Folder) -> None:
    row = "1,2,3\n"
    text = folder.message("a,b,c\n1,2,3\nno number,4,5\n" + row * 700_000)  # its fault would be met at once
    assert "has 700,002 rows or more with 3 numbers each; 2,000,000 numbers are the most" in text


def test_blank_lines_are_no_rows_of_a_long_table(folder: Folder) -> None:
    assert len(folder.load("a,b\n" + "1,2\n" + "\n" * 1_500_000 + "3,4\r\n" + "\r\n" * 1_500_000)) == 2


def test_a_table_at_a_pipe_a_folder_or_a_name_too_long_is_refused(folder: Folder) -> None:
    os.mkfifo(folder.path / "pipe.csv")
    for path, reason in {
        "pipe.csv": "is not a file that can be read",
        ".": "is a folder",
        "x" * 5000: "cannot be read: File name too long",
        "\x1b[2Jx\n.csv": "cannot be read: No such file",
    }.items():
        with pytest.raises(DataError) as caught:
            load_dataset(make_spec("csv", {"path": path[:1000]}), folder.path)
        text = str(caught.value)
        assert reason in text and "\x1b" not in text and "\n" not in text and len(text) < 200
