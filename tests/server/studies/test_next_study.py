"""What a reader opens next, worked out by hand."""

from pathlib import Path

import pytest

from lesion_tracker.server.studies.next_study import next_of_patient
from lesion_tracker.studies.study import Study


def _study(name: str, date: str) -> Study:
    return Study(name, Path(name), "ann", date)


STUDIES = [_study("c", "20220101"), _study("a", "20200101"), _study("b", "20210101")]


@pytest.mark.parametrize(
    ("marked", "tracked", "expected"),
    [
        (set(), set(), "a"),  # nothing is marked: the earliest
        ({"a"}, set(), "b"),
        ({"a"}, {"b"}, "c"),
        ({"a"}, {"c"}, "b"),
        ({"a"}, {"b", "c"}, ""),
        ({"b"}, set(), "c"),  # earlier than the first marked study: nothing to track
        ({"a", "b"}, set(), "b"),  # a new mark in b does not track a's lesions there
    ],
)
def test_the_earliest_unmarked_then_the_untracked_in_order(marked: set[str], tracked: set[str], expected: str) -> None:
    assert next_of_patient(STUDIES, marked, tracked) == expected


def test_where_dates_are_missing_the_ids_decide() -> None:
    studies = [_study("y", ""), _study("x", "")]
    assert next_of_patient(studies, set(), set()) == "x"
    assert next_of_patient(studies, {"x"}, set()) == "y"
