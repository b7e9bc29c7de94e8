"""What is wrong with a JSON object is said in one sentence: the entry, the key, what it must be, what it is."""

import json
from pathlib import Path

import pytest
from pydantic import Field

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_model import Entries, Entry, NumberOrNone, Triple, checked, read_model


class Sample(Entry):
    """One of each kind of field."""

    name: str = Field(description="a text")
    point_mm: Triple
    size: NumberOrNone = None
    hashes: dict[str, str] = Field({}, description="a hash")
    of: int = Field(0, ge=0, description="a whole number from 0", alias="number of")


RIGHT = {"name": "a", "point_mm": [1, 2.5, 3]}


def test_what_is_right_is_read() -> None:
    found = checked(Sample, {**RIGHT, "schema": 1, "size": 4, "number of": 2}, "f")
    assert (found.name, found.point_mm, found.size, found.of) == ("a", (1.0, 2.5, 3.0), 4.0, 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([1], "f must be a JSON object, got list"),
        ({**RIGHT, "schema": 2}, "f has the unknown schema 2; this version reads 1"),
        ({}, "f lacks 'name', 'point_mm'; it has nothing"),
        ({"name": 1, "size": 2}, "f lacks 'point_mm'; it has 'name', 'size'"),
        (
            {**RIGHT, "colour": 1, "name": 2},
            "f has the unknown key 'colour'; known are 'hashes', 'name', 'number of', 'point_mm', 'size'",
        ),
        ({**RIGHT, "name": 5}, "f: 'name' must be a text, got 5"),
        ({**RIGHT, "name": None}, "f: 'name' must be a text, got None"),
        ({**RIGHT, "point_mm": [1, 2]}, "f: 'point_mm' must be three finite numbers, got [1, 2]"),
        ({**RIGHT, "point_mm": [1, 2, "3"]}, "f: 'point_mm' must be three finite numbers, got [1, 2, '3']"),
        ({**RIGHT, "point_mm": [1, 2, True]}, "f: 'point_mm' must be three finite numbers, got [1, 2, True]"),
        ({**RIGHT, "point_mm": [1, 2, float("nan")]}, "f: 'point_mm' must be three finite numbers, got [1, 2, nan]"),
        ({**RIGHT, "point_mm": "123"}, "f: 'point_mm' must be three finite numbers, got '123'"),
        ({**RIGHT, "size": "4"}, "f: 'size' must be a finite number, got '4'"),
        ({**RIGHT, "size": float("inf")}, "f: 'size' must be a finite number, got inf"),
        ({**RIGHT, "hashes": {"b": "0", "c": 1}}, "f: 'c' of 'hashes' must be a hash, got 1"),
        ({**RIGHT, "hashes": [1]}, "f: 'hashes' must be a JSON object, got list"),
        ({**RIGHT, "number of": -1}, "f: 'number of' must be a whole number from 0, got -1"),
        ({**RIGHT, "number of": 1.0}, "f: 'number of' must be a whole number from 0, got 1.0"),
    ],
)
def test_what_is_wrong_is_said(data: object, message: str) -> None:
    with pytest.raises(FileFormatError) as refused:
        checked(Sample, data, "f")
    assert str(refused.value) == message


def test_a_field_without_words_for_its_refusal_is_a_fault() -> None:
    with pytest.raises(TypeError, match=r"Wordless\.size needs a description"):

        class Wordless(Entry):
            """A format."""

            size: float


def test_a_long_value_is_shortened() -> None:
    with pytest.raises(FileFormatError) as refused:
        checked(Sample, {**RIGHT, "size": 10**400}, "f")
    assert str(refused.value).startswith("f: 'size' must be a finite number, got 1000")
    assert len(str(refused.value)) < 150


class Listed(Entry):
    """A file that is a list."""

    rows: Entries


@pytest.mark.parametrize(
    ("rows", "message"), [([], "'rows' of {} is empty"), ({}, "'rows' of {} must be a list, got dict")]
)
def test_a_wrong_list_of_a_file_names_the_file(tmp_path: Path, rows: object, message: str) -> None:
    path = tmp_path / "f.json"
    path.write_text(json.dumps({"rows": rows}))
    with pytest.raises(FileFormatError) as refused:
        read_model(path, Listed)
    assert str(refused.value) == message.format(path)
