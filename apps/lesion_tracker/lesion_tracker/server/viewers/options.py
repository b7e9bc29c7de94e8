"""The options that a task shows in the viewers: text fields and choices, with their defaults merged in."""

import math
from collections.abc import Mapping
from typing import Any

from lesion_tracker.errors import InputError

Option = str | tuple[str, ...]
"""A text field's default, or the choices of a list; the first choice is the default."""


def shown_options(options: Mapping[str, Option]) -> dict[str, Any]:
    """Return options as MONAI Label's `config`: a new dict each time, because clients of it edit lists in place."""
    return {name: list(option) if isinstance(option, tuple) else option for name, option in options.items()}


def option_text(params: Mapping[str, Any], name: str, options: Mapping[str, Option]) -> str:
    """Return what a request says for an option, or its default.

    Slicer sends every option as text, OHIF only those that were changed, and either may send a list, whose first
    entry counts.

    Raises:
        InputError: for a value that is no text, or none of the choices.
    """
    option = options[name]
    default = option[0] if isinstance(option, tuple) else option
    value = params.get(name)
    if isinstance(value, list) and value:
        value = value[0]
    if value is None or value == "":
        return default
    if not isinstance(value, str) or len(value) > 1000:
        raise InputError(f"option {name!r} must be text, got {str(value)[:200]!r} ({type(value).__name__})")
    if isinstance(option, tuple) and value.strip() not in option:
        raise InputError(f"option {name!r} must be one of {', '.join(option)}, got {value!r}")
    return value.strip()


def option_number(
    params: Mapping[str, Any], name: str, options: Mapping[str, Option], low: float, high: float
) -> float | None:
    """Return the number of a text field, or None where it is empty.

    Raises:
        InputError: for what is no number, or a number out of range.
    """
    value = params.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = _float(value)
    else:
        text = option_text(params, name, options)
        if not text:
            return None
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            raise InputError(f"option {name!r} must be a number, got {text!r}") from None
    if not (math.isfinite(number) and low <= number <= high):
        raise InputError(f"option {name!r} must be between {low:g} and {high:g}, got {value!r:.60}")
    return number


def _float(value: int | float) -> float:
    """Return a number of Python, whose whole numbers have no end, as a float."""
    try:
        return float(value)
    except OverflowError:
        return math.inf
