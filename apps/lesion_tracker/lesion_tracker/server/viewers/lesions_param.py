"""Lesions that a request carries itself: `lesions` with centres in LPS mm, instead of clicks or stored marks."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.names import clean_name, clean_uid

MOST_LESIONS = 500


class _Entry(BaseModel):
    """What an entry must and may have; what a centre and a radius can be, Lesion says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: str
    center_mm: Any
    radius_mm: float
    label: str = ""
    tracking_uid: str = ""


KEYS = tuple(_Entry.model_fields)


def lesion_objects(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of `lesions`; none if the request has no `lesions`.

    Raises:
        InputError: for what is no list of objects, a repeated id, an empty or an endless list.
    """
    value = params.get("lesions")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise InputError(f"lesions must be a list of objects with the keys {', '.join(KEYS)}, got {str(value)[:200]}")
    if not 1 <= len(value) <= MOST_LESIONS:
        raise InputError(
            f"lesions has {len(value)} entries; 1 to {MOST_LESIONS} are possible; without it all marked lesions count"
        )
    ids = [str(entry.get("id")) for entry in value]
    repeated = sorted({name for name in ids if ids.count(name) > 1})
    if repeated:
        raise InputError(f"lesions names {', '.join(repeated)} more than once")
    return value


def lesions_of(params: Mapping[str, Any]) -> list[Lesion]:
    """Return the lesions that a request carries, each with centre and radius.

    Raises:
        InputError: as `lesion_objects` and `lesion_from`.
    """
    return [lesion_from(entry) for entry in lesion_objects(params)]


def lesion_from(entry: Mapping[str, Any]) -> Lesion:
    """Return one entry as a Lesion.

    Raises:
        FileFormatError: for an unknown key, or a missing or nonsensical value; the text names it.
    """
    try:
        known = _Entry.model_validate(dict(entry))
    except ValidationError as error:
        raise FileFormatError(_sentence(entry.get("id", "?"), error)) from None
    named = {key: clean_name(one) if key in ("id", "label") and one else one for key, one in known.model_dump().items()}
    named["tracking_uid"] = clean_uid(known.tracking_uid)
    return Lesion.from_json({key: named[key] for key in known.model_fields_set})


def _sentence(name: object, error: ValidationError) -> str:
    """Say what is wrong with an entry: keys that are too many, else a value, else keys that are too few."""
    by_type: dict[str, list[str]] = {}
    for one in error.errors():
        by_type.setdefault(one["type"], []).append(str(one["loc"][0]))
    missing = by_type.pop("missing", [])
    if unknown := by_type.pop("extra_forbidden", []):
        return f"lesion {name!r}: unknown key {', '.join(sorted(unknown))}; known: {', '.join(KEYS)}"
    if by_type:
        wrong = next(one for one in error.errors() if one["type"] in by_type)
        kind = "text" if wrong["type"] == "string_type" else "number"
        return f"lesion {name!r}: {wrong['loc'][0]} must be a {kind}, got {wrong['input']!r}"
    return f"lesion {name!r}: {', '.join(missing)} is missing"
