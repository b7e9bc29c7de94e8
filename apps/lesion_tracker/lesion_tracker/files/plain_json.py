"""Values as JSON can carry them: NumPy's numbers as plain ones, NaN and infinity as null."""

import math
from collections.abc import Mapping
from typing import Any


def plain_json(value: Any) -> Any:
    """Return a value with NumPy numbers as numbers, tuples as lists and NaN as None: what JSON can carry."""
    if isinstance(value, Mapping):
        return {str(key): plain_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(entry) for entry in value]
    if hasattr(value, "item") and callable(value.item) and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
