"""The params of a request: a form field with a JSON object that something can be computed from."""

import math
from collections.abc import Collection
from typing import Any

from lesion_tracker.errors import InputError
from lesion_tracker.files.json_file import parsed

MOST_DIGITS = 20
"""Of a whole number; longer ones are no voxel index and no id."""


def parse_params(params: str, reserved: Collection[str] = (), field: str = "params") -> dict[str, Any]:
    """Return the params of a request.

    Args:
        params: as they were sent.
        reserved: keys that they must not have.
        field: what the request calls them.

    Raises:
        InputError: for what is no JSON object, for NaN, infinity and numbers or texts that nothing can be computed from,
            and for keys that the address of the request sets.
    """
    try:
        read = parsed(
            params or "{}", parse_constant=_refuse_constant, parse_int=_bounded_int, parse_float=_finite_float
        )
    except (ValueError, RecursionError) as error:
        raise InputError(f"{field} must be a JSON object: {error}; got {params[:200]!r}") from None
    if not isinstance(read, dict):
        raise InputError(f"{field} must be a JSON object, got {params[:200]!r}")
    taken = sorted(set(read) & set(reserved))
    if taken:
        raise InputError(f"{field} must not carry {', '.join(taken)}: the address of the request says it")
    return read


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _bounded_int(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"{text[:MOST_DIGITS]}… is too large a number")
    return int(text)


def _finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:MOST_DIGITS]} is too large a number")
    return number
