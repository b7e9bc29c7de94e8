"""Lesions that a request carries itself: `lesions` with centres in LPS mm, instead of clicks or stored marks."""

from collections.abc import Mapping
from typing import Any

from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.records.track import Lesion

KEYS = ("id", "center_mm", "radius_mm", "label", "tracking_uid")
MOST_LESIONS = 500


def lesion_objects(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of `lesions`, checked for their keys; none if the request has no `lesions`.

    Raises:
        InputError: for what is no list of objects, an unknown key, a repeated id, an empty or an endless list.
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
    for entry in value:
        unknown = sorted(set(entry) - set(KEYS))
        if unknown:
            raise InputError(
                f"lesion {entry.get('id', '?')!r}: unknown key {', '.join(unknown)}; known: {', '.join(KEYS)}"
            )
    ids = [str(entry.get("id")) for entry in value]
    repeated = sorted({name for name in ids if ids.count(name) > 1})
    if repeated:
        raise InputError(f"lesions names {', '.join(repeated)} more than once")
    return value


def lesions_of(params: Mapping[str, Any]) -> list[Lesion]:
    """Return the lesions that a request carries, each with centre and radius.

    Raises:
        InputError: as `lesion_objects`, and for a missing or nonsensical value.
    """
    return [lesion_from(entry) for entry in lesion_objects(params)]


def lesion_from(entry: Mapping[str, Any]) -> Lesion:
    """Return one entry as a Lesion.

    Raises:
        FileFormatError: for a missing or nonsensical value; the text names it.
    """
    for key, kind in (("id", str), ("label", str), ("tracking_uid", str), ("radius_mm", int | float)):
        value = entry.get(key)
        if key in entry and (not isinstance(value, kind) or isinstance(value, bool)):
            raise FileFormatError(f"lesion {entry.get('id', '?')!r}: {key} must be a {_name(kind)}, got {value!r}")
    missing = [key for key in KEYS[:3] if key not in entry]
    if missing:
        raise FileFormatError(f"lesion {entry.get('id', '?')!r}: {', '.join(missing)} is missing")
    return Lesion.from_json(dict(entry))


def _name(kind: Any) -> str:
    return "text" if kind is str else "number"
