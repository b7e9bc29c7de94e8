"""A detector's findings: read as they are, refused with the study and the value where they cannot be."""

import json
from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.errors import FileFormatError
from lesion_tracker.training.prepared.proposals import read_proposals
from tests.training.made import made_study

GRIDS = {"first": made_study().volume.grid}
GOOD = {"center_mm": [30.0, 44.0, 40.0], "radius_mm": 5.0}


def test_findings_of_the_studies_in_question_are_read(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    other = {"center_mm": [31, 45, 41], "radius_mm": 6}
    path.write_text(json.dumps({"first": [GOOD, other], "somebody": "passed over"}))
    found = read_proposals(path, GRIDS)
    assert list(found) == ["first"]
    assert np.array_equal(found["first"], [[30, 44, 40, 5], [31, 45, 41, 6]])


BAD = {
    "no JSON": ("{", "is no JSON"),
    "a list": ([GOOD], "must be a JSON object"),
    "no list": ({"first": GOOD}, "'first' must be a list, got dict"),
    "no radius": ({"first": [{"center_mm": [30, 44, 40]}]}, "'first': finding 1 lacks 'radius_mm'"),
    "two numbers": (
        {"first": [{**GOOD, "center_mm": [30, 44]}]},
        r"'center_mm' must be three finite numbers, got \[30, 44\]",
    ),
    "words": ({"first": [{**GOOD, "radius_mm": "large"}]}, "'first'.*large"),
    "negative": ({"first": [{**GOOD, "radius_mm": -1}]}, r"data\.proposals: first: .*-1\.0\] is no lesion"),
    "outside": ({"first": [{**GOOD, "center_mm": [300, 44, 40]}]}, r"\[300\.0, 44\.0, 40\.0\].*outside its volume"),
    "nobody": ({"somebody": [GOOD]}, r"no finding in any of \['first'\]"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_named(tmp_path: Path, name: str) -> None:
    content, message = BAD[name]
    path = tmp_path / "found.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(FileFormatError, match=message) as refused:
        read_proposals(path, GRIDS)
    assert "data.proposals" in str(refused.value)
