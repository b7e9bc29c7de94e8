"""Lesions that a request carries: what is wrong with one is said with its name and value."""

import re
from typing import Any

import pytest

from lesion_tracker.errors import InputError
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.server.viewers.lesions_param import lesions_of

POINT = [1.0, 2.0, 3.0]


def _lesion(**changes: Any) -> dict[str, Any]:
    return {"id": "lesion_1", "center_mm": POINT, "radius_mm": 8, **changes}


def test_a_request_without_lesions_carries_none() -> None:
    assert lesions_of({}) == []


def test_an_entry_is_a_lesion_with_all_that_it_says() -> None:
    entries = [_lesion(), _lesion(id="b", label="node", tracking_uid="2.25.7", radius_mm=0.5)]
    assert lesions_of({"lesions": entries}) == [
        Lesion("lesion_1", (1.0, 2.0, 3.0), 8.0),
        Lesion("b", (1.0, 2.0, 3.0), 0.5, label="node", tracking_uid="2.25.7"),
    ]


KEYS = "id, center_mm, radius_mm, label, tracking_uid"


@pytest.mark.parametrize(
    ("lesions", "text"),
    [
        ("x", f"lesions must be a list of objects with the keys {KEYS}, got x"),
        ([1], f"lesions must be a list of objects with the keys {KEYS}, got [1]"),
        ([], "lesions has 0 entries; 1 to 500 are possible; without it all marked lesions count"),
        ([_lesion(id=f"l{n}") for n in range(501)], "lesions has 501 entries"),
        ([_lesion()] * 2, "lesions names lesion_1 more than once"),
        ([_lesion(colour="red", age=7)], f"lesion 'lesion_1': unknown key age, colour; known: {KEYS}"),
        ([{"id": "lesion_1"}], "lesion 'lesion_1': center_mm, radius_mm is missing"),
        ([{"center_mm": POINT, "radius_mm": 8}], "lesion '?': id is missing"),
        ([_lesion(id=7)], "lesion 7: id must be a text, got 7"),
        ([_lesion(label=None)], "lesion 'lesion_1': label must be a text, got None"),
        ([_lesion(radius_mm="8")], "lesion 'lesion_1': radius_mm must be a number, got '8'"),
        ([_lesion(radius_mm=True)], "lesion 'lesion_1': radius_mm must be a number, got True"),
        ([_lesion(radius_mm=0)], "lesion 'lesion_1': radius_mm of 'lesion_1' must be between 0.5 and 200 mm, got 0"),
        ([_lesion(id="")], "a lesion needs an id, got ''"),
        ([_lesion(center_mm=[1, 2])], "three"),
        ([_lesion(tracking_uid="x" * 5000)], "a tracking_uid is a DICOM UID, at most 64 digits and dots, got 'xxx"),
        ([_lesion(center_mm=[1, 2, "x"])], "three"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(lesions: Any, text: str) -> None:
    with pytest.raises(InputError, match=re.escape(text)):
        lesions_of({"lesions": lesions})
