"""Options of the viewers: what each client sends, and defaults where it sends nothing."""

from typing import Any

import pytest

from lesion_tracker.errors import InputError
from lesion_tracker.server.viewers.options import Option, option_number, option_text, shown_options

OPTIONS: dict[str, Option] = {"patient": "", "method": ("auto", "affine"), "radius_mm": ""}


def test_the_shown_lists_are_new_each_time_because_slicer_edits_them() -> None:
    shown = shown_options(OPTIONS)
    assert shown == {"patient": "", "method": ["auto", "affine"], "radius_mm": ""}
    shown["method"].remove("auto")
    assert shown_options(OPTIONS)["method"] == ["auto", "affine"]


@pytest.mark.parametrize(
    ("params", "name", "text"),
    [
        ({}, "method", "auto"),  # OHIF: unchanged options are not sent
        ({"method": ""}, "method", "auto"),  # Slicer: an empty field
        ({"method": "affine"}, "method", "affine"),
        ({"method": ["affine", "auto"]}, "method", "affine"),  # a list: its first entry
        ({"patient": None}, "patient", ""),
        ({"patient": " ann "}, "patient", "ann"),
    ],
)
def test_text_and_defaults(params: dict[str, Any], name: str, text: str) -> None:
    assert option_text(params, name, OPTIONS) == text


@pytest.mark.parametrize("value", [7, {"a": 1}, True, "x" * 1001])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="must be text"):
        option_text({"patient": value}, "patient", OPTIONS)


def test_what_is_no_choice_is_refused() -> None:
    with pytest.raises(InputError, match="one of auto, affine, got 'magic'"):
        option_text({"method": "magic"}, "method", OPTIONS)


@pytest.mark.parametrize(
    ("value", "number"), [("8", 8.0), ("8,5", 8.5), (8, 8.0), (8.5, 8.5), ("", None), (None, None)]
)
def test_numbers(value: object, number: float | None) -> None:
    assert option_number({"radius_mm": value}, "radius_mm", OPTIONS, 0.5, 200.0) == number


@pytest.mark.parametrize(
    "value", ["wide", "nan", "inf", 0.1, 201, -3, float("nan"), pytest.param(10**400, id="huge"), True, {}]
)
def test_what_is_no_number_in_range_is_refused(value: object) -> None:
    with pytest.raises(InputError):
        option_number({"radius_mm": value}, "radius_mm", OPTIONS, 0.5, 200.0)
