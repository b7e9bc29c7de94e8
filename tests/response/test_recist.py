"""RECIST 1.1 by constructed histories (histories.txt), each with the category that the rules give and where they stand."""

from dataclasses import replace
from typing import Any

import pytest

from lesion_tracker.response.recist import assess
from tests.response.histories import History, lesions, responses, visits, written_histories

ONE = {"a": "target liver"}
TWO = {"a": "target liver", "b": "target lung"}
NODE = {"a": "target liver", "n": "target node neck"}
WITH = {"a": "target liver", "x": "non-target bone"}
WITH_NODE = {"a": "target liver", "x": "non-target node neck"}
ONLY = {"x": "non-target bone", "y": "non-target pleura"}
SPLIT = {"a": "target liver", "a1": "part of a", "a2": "part of a"}
MORE = {"a": "target liver", "n": "none lung"}


ONE = {"a": "target liver"}
TWO = {"a": "target liver", "b": "target lung"}
NODE = {"a": "target liver", "n": "target node neck"}
MORE = {"a": "target liver", "n": "none lung"}
NEW_NODE = {"a": "target liver", "n": "none node"}
SIX = {f"l{k}": f"target organ{k % 3}" for k in range(6)}

CASES = written_histories()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_history_has_the_category_of_the_rules(case: History) -> None:
    found = responses(case.kinds, case.said)[1:]
    assert [one.category for one in found] == case.want.split()
    assert found[-1].source == case.source
    assert found[-1].rule


def test_there_are_enough_and_no_two_alike() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 40
    assert len({str((case.kinds, case.said)) for case in CASES}) == len(CASES)


def test_the_numbers_of_a_course() -> None:
    first, second, third = responses(TWO, [{"a": 60, "b": 40}, {"a": 30, "b": 20}, {"a": 40, "b": 22}])
    assert (first.category, first.sum_mm, first.nadir_mm, first.from_baseline_percent) == ("baseline", 100, None, 0.0)
    assert (second.sum_mm, second.nadir_mm, second.nadir_study, second.from_baseline_percent) == (50, 100, "s0", -50)
    assert (third.sum_mm, third.nadir_mm, third.nadir_study) == (62, 50, "s1")
    assert (third.from_baseline_percent, third.from_nadir_percent) == (pytest.approx(-38), pytest.approx(24))
    assert third.parts_mm == {"a": 40, "b": 22}
    assert third.rule == (
        "the sum of diameters, 62.0 mm, is 24.0 % and 12.0 mm above the smallest so far, 50.0 mm (s1); "
        "progression is 20 % and 5 mm"
    )
    assert third.to_json()["category"] == "PD"


def test_an_incomplete_sum_is_no_sum_but_its_parts_are_told() -> None:
    found = responses(TWO, [{"a": 30, "b": 20}, {"a": 25, "b": "not_assessed"}])[1]
    assert (found.sum_mm, found.from_baseline_percent) == (None, None)
    assert (found.parts_mm, found.missing) == ({"a": 25}, {"b": "it was not assessed"})


def test_from_nothing_there_is_no_percentage() -> None:
    found = responses(ONE, [{"a": 30}, {"a": "gone"}, {"a": 12}])[2]
    assert (found.nadir_mm, found.from_nadir_percent, found.from_baseline_percent) == (0.0, None, -60)


WARNINGS = [
    (SIX, [dict.fromkeys(SIX, 20)], 1.0, 0, "6 targets are chosen, RECIST allows 5"),
    (dict.fromkeys("abc", "target Liver"), [dict.fromkeys("abc", 20)], 1.0, 0, "3 targets lie in one organ (liver)"),
    ({k: f"target node {k}" for k in "abc"}, [dict.fromkeys("abc", "node 20")], 1.0, 0, "in one organ (lymph nodes)"),
    (dict.fromkeys("abc", "target"), [dict.fromkeys("abc", 20)], 1.0, 0, "3 targets have no organ"),
    (ONE, [{"a": 9.9}], 1.0, 0, "a is no target by its size: long axis 9.9 mm at baseline, needed are 10 mm"),
    ({"n": "target node"}, [{"n": "node 14"}], 1.0, 0, "short axis 14.0 mm at baseline, needed are 15 mm"),
    (ONE, [{"a": 13}], 7.0, 0, "long axis 13.0 mm at baseline, needed are 14 mm"),
    ({"n": "non-target node"}, [{"n": "node 9"}], 1.0, 0, "n is a normal lymph node at baseline: short axis 9.0 mm"),
    (ONE, [{"a": 30}], 7.5, 0, "its slices of 7.5 mm are thicker than the 5 mm of RECIST"),
    (ONE, [{"a": 30}, {"a": 30}], (1.0, 2.5), 1, "its slices have 2.5 mm, those of the baseline 1 mm"),
    (MORE, [{"a": 30, "n": 20}], 1.0, 0, "n is neither target nor non-target: it is left out"),
    (TWO, [{"a": 30}, {"a": 30, "b": 9}], 1.0, 0, "b is a target, but is not known at baseline"),
    (TWO, [{"a": 30}, {"a": 30, "b": "new 9"}], 1.0, 1, "b is new and a target: targets are chosen at baseline"),
    (MORE, [{"a": 30, "n": "new 8"}], 1.0, 0, "n is called new in the first study"),
    (MORE, [{"a": 30}, {"a": 30, "n": "perhaps_new 4"}], 1.0, 1, "n is perhaps new: if the next study confirms it"),
    (NEW_NODE, [{"a": 30}, {"a": 30, "n": "new node 9"}], 1.0, 1, "a lymph node below 10 mm: normal"),
    (NEW_NODE, [{"a": 30}, {"a": 30, "n": "new node 12"}], 1.0, 1, "a new lymph node of 12.0 mm"),
    (ONE, [{"a": 30}, {"a": 60}, {"a": 60}], 1.0, 2, "progression was established in s1: RECIST's assessment ends there"),
    (ONE, [{"a": 100}, {"a": 69}, {"a": 69}, {"a": 75}], 1.0, 3, "a partial response was there in two studies before"),
]  # fmt: skip


@pytest.mark.parametrize(("kinds", "said", "slice_mm", "number", "text"), WARNINGS)
def test_a_warning_says_what_is_wrong(kinds: Any, said: Any, slice_mm: Any, number: int, text: str) -> None:
    assert any(text in one for one in responses(kinds, said, slice_mm)[number].warnings)


def test_a_proper_history_has_no_warnings() -> None:
    said = [{"a": 30, "n": "node 18"}, {"a": 28, "n": "node 17"}]
    assert all(not one.warnings for one in responses(NODE, said, 5.0))


def test_what_no_reader_has_looked_at_is_said() -> None:
    first, second = visits([{"a": 30}, {"a": 20}])
    tracked = replace(second, seen={"a": replace(second.seen["a"], confirmed=False)}, slice_mm=None)
    found = assess(lesions(ONE), [first, tracked])[1]
    assert found.warnings == (
        "how thick its slices are is not known",
        "no reader has looked at a in this study yet",
    )


def test_studies_out_of_order_and_double_names_are_refused() -> None:
    first, second = visits([{"a": 30}, {"a": 20}])
    with pytest.raises(ValueError, match="earliest first, got the dates 20240201, 20240101"):
        assess(lesions(ONE), [second, first])
    with pytest.raises(ValueError, match="two studies have the id 's0'"):
        assess(lesions(ONE), [first, first])
    with pytest.raises(ValueError, match="two lesions have the id 'a'"):
        assess([*lesions(ONE), *lesions(ONE)], [first])
