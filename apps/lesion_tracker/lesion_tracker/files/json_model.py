"""A JSON object against the model of its format: the first thing that is wrong with it, in one sentence."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import read_json, require_schema, shown

SCHEMA = 1
"""Of every file that is read by a model; one that names no schema is taken for this."""


class Entry(BaseModel):
    """A JSON object of known keys, in which no text stands for a number and no number for a text.

    A field's description ends the sentence "<key> must be …"; only what may be anything, or any list, does without.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Refuse a format whose refusals would have no words."""
        for name, field in cls.model_fields.items():
            if field.description is None and field.annotation not in (Any, list[Any]):
                raise TypeError(f"{cls.__name__}.{name} needs a description: what must it be?")


Number = Annotated[FiniteFloat, Field(description="a finite number")]
NumberOrNone = Annotated[FiniteFloat | None, Field(description="a finite number")]
Entries = Annotated[list[Any], Field(min_length=1)]
"""A list of at least one entry, each of which is checked with its number."""

_Triple = Annotated[tuple[FiniteFloat, FiniteFloat, FiniteFloat], Field(strict=False)]
"""A JSON list; `strict` would ask for Python's tuple, the numbers in it stay strict."""

Triple = Annotated[_Triple, Field(description="three finite numbers")]
TripleOrNone = Annotated[_Triple | None, Field(description="three finite numbers")]

Model = TypeVar("Model", bound=Entry)


def read_model(path: Path, model: type[Model]) -> Model:
    """Read a JSON file that holds one object.

    Raises:
        FileFormatError: for a missing or torn file, another schema, a wrong key or value.
    """
    return checked(model, read_json(path), path)


def checked(model: type[Model], data: object, where: str | Path) -> Model:
    """Return an object as its model says.

    Args:
        model: of the format.
        data: what was read.
        where: the file, or the file and the entry's number, for the message.

    Raises:
        FileFormatError: if it is no JSON object, is of another schema, names a key too few or too many, or has a value
            that cannot be.
    """
    require_schema(str(where), data, SCHEMA)
    if not isinstance(data, dict):
        raise FileFormatError(f"{where} must be a JSON object, got {type(data).__name__}")
    values = {key: value for key, value in data.items() if key != "schema"}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise FileFormatError(_sentence(model, values, error, where)) from None


def _sentence(model: type[Entry], values: dict[str, Any], error: ValidationError, where: str | Path) -> str:
    wrong = error.errors(include_url=False)
    missing, unknown = (
        sorted(str(one["loc"][0]) for one in wrong if one["type"] == kind and len(one["loc"]) == 1)
        for kind in ("missing", "extra_forbidden")
    )
    if missing:
        return f"{where} lacks {_quoted(missing)}; it has {_quoted(sorted(values)) or 'nothing'}"
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    if unknown:
        return f"{where} has the unknown key {_quoted(unknown)}; known are {_quoted(sorted(fields))}"
    first = wrong[0]
    key, *inside = first["loc"]
    name, value = repr(key), values[str(key)]
    what, got = fields[str(key)].description, shown(value)
    if not inside and first["type"] == "too_short":
        return f"{_named(name, where)} is empty"
    if not inside and first["type"] in ("list_type", "dict_type"):
        what, got = "a list" if first["type"] == "list_type" else "a JSON object", type(value).__name__
    elif inside and isinstance(value, dict):
        return f"{where}: {inside[0]!r} of {key!r} must be {what}, got {shown(value[inside[0]])}"
    return f"{_named(name, where)} must be {what}, got {got}"


def _named(name: str, where: str | Path) -> str:
    return f"{name} of {where}" if isinstance(where, Path) else f"{where}: {name}"


def _quoted(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
