"""What all records share on their way to JSON and back: the schema version, the kinds of values, and what is refused."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BeforeValidator, ConfigDict, Strict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from lesion_tracker.arrays import point_mm
from lesion_tracker.errors import FileFormatError

SCHEMA = 1
_FLOATS = [float] * 3


def triple(value: object) -> tuple[float, float, float]:
    """Return a point (x, y, z), LPS mm.

    Raises:
        ValueError: for what is not three finite numbers.
    """
    if isinstance(value, list | tuple) and list(map(type, value)) == _FLOATS and math.isfinite(sum(value)):
        return (
            value[0],
            value[1],
            value[2],
        )  # as it nearly always is: ten times as fast, of a long history half the time
    x, y, z = (float(number) for number in point_mm(value))
    return x, y, z


Point = Annotated[tuple[float, float, float], BeforeValidator(triple)]
"""A patient position (x, y, z), LPS mm; any three finite numbers."""

Ends = tuple[Point, Point]
"""The end points of an axis."""


def ends(both: tuple[object, object]) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return the end points of an axis as two points.

    Raises:
        ValueError: for others than two points.
    """
    first, last = both
    return triple(first), triple(last)


Number = Annotated[float, Strict()]
"""A number; no text that looks like one."""

AnyNumber = Annotated[int, Strict()] | Number
"""The same, where callers may write 8 for 8.0."""

Flag = Annotated[bool, Strict()]

Record = TypeVar("Record", bound="JsonRecord")


class JsonRecord:
    """A frozen dataclass that is plain JSON on disk and in answers; its `__post_init__` refuses what makes no sense."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values, with its schema version."""
        values = asdict(self)  # type: ignore[call-overload] # every record is a dataclass
        return {"schema": SCHEMA, **{key: list(one) if isinstance(one, tuple) else one for key, one in values.items()}}


def read_record(
    kind: type[Record], what: str, data: object, named: str, inner: Mapping[str, Callable[[object], Any]] | None = None
) -> Record:
    """Return a record that was written by `to_json`.

    Args:
        kind: of the record.
        what: its name in messages: "lesion".
        data: what was read.
        named: what messages call this one, with keys of it: "lesion {id!r}".
        inner: by key, what reads a record inside of this one.

    Raises:
        FileFormatError: for what is no JSON object, another schema, a missing or unknown key, or a value that is nonsense.
    """
    if not isinstance(data, dict):
        raise FileFormatError(f"a {what} must be a JSON object, got {type(data).__name__}")
    if data.get("schema", SCHEMA) != SCHEMA:
        raise FileFormatError(f"a {what} of schema {data['schema']!r} cannot be read; this version reads {SCHEMA}")
    name = named.format_map(defaultdict(lambda: "?", data))
    values = {key: value for key, value in data.items() if key != "schema"}
    values |= {key: read(values.get(key)) for key, read in (inner or {}).items()}
    try:
        return _reader(kind).validate_python(values)
    except ValidationError as error:
        raise FileFormatError(f"{name}{_sentence(error.errors(include_url=False))}") from None


def _reader(kind: type[Any]) -> Any:
    """Return pydantic's adapter of a record; made once."""
    if kind not in _readers:
        _readers[kind] = TypeAdapter(kind)
    return _readers[kind]


_readers: dict[type[Any], Any] = {}


def _sentence(wrong: list[ErrorDetails]) -> str:
    """Say what is wrong: a missing key, else an unknown one, else the first value."""
    for kind, text in (("missing", " lacks {}"), ("unexpected_keyword_argument", " has the unknown key {}")):
        keys = [repr(one["loc"][0]) for one in wrong if one["type"] == kind and len(one["loc"]) == 1]
        if keys:
            return text.format(", ".join(keys))
    first = wrong[0]
    where = "".join(f": {part}" for part in first["loc"])
    if first["type"] == "value_error":
        return f"{where}: {first['ctx']['error']}"
    return f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}, got {str(first['input'])[:80]!r}"
