"""What all records share on their way to JSON and back: the schema version, and points as three finite numbers."""

from typing import Any

from lesion_tracker.arrays import point_mm
from lesion_tracker.errors import FileFormatError

SCHEMA = 1


def triple(name: str, value: object) -> tuple[float, float, float]:
    """Return a point (x, y, z), LPS mm.

    Raises:
        ValueError: for what is not three finite numbers.
    """
    try:
        x, y, z = (float(v) for v in point_mm(value))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return x, y, z


def with_triples(values: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return a copy whose named points are three floats each."""
    return {**values, **{name: triple(name, values[name]) for name in names if name in values}}


def require_schema(record: str, data: object) -> dict[str, Any]:
    """Return the values of a record without its schema version.

    Raises:
        FileFormatError: for what is no JSON object, or of another version.
    """
    if not isinstance(data, dict):
        raise FileFormatError(f"a {record} must be a JSON object, got {type(data).__name__}")
    if data.get("schema", SCHEMA) != SCHEMA:
        raise FileFormatError(f"a {record} of schema {data['schema']!r} cannot be read; this version reads {SCHEMA}")
    return {key: value for key, value in data.items() if key != "schema"}
