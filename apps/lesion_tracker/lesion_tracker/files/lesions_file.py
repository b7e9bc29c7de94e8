"""lesions.json: the lesions of a baseline, {"lesions": [{"id", "center_mm", "radius_mm"}]}."""

from collections.abc import Sequence
from pathlib import Path

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import read_json, require_keys, require_list, require_schema
from lesion_tracker.records.track import SCHEMA, Lesion


def read_lesions(path: Path) -> list[Lesion]:
    """Read the lesions of a baseline study.

    Args:
        path: a JSON file; centres are LPS mm. Further fields of a Lesion (label, tracking_uid …) may be there.

    Raises:
        FileFormatError: for a missing file, an empty list, a wrong key or value (with the entry's number), a double id.
    """
    data = require_keys(str(path), read_json(path), {"lesions"}, {"schema", "patient", "note"})
    require_schema(str(path), data, SCHEMA)
    entries = require_list(f"'lesions' of {path}", data["lesions"])
    lesions = [_lesion(f"{path}: lesion {number}", entry) for number, entry in enumerate(entries, start=1)]
    require_unique_ids(str(path), [lesion.id for lesion in lesions])
    return lesions


def _lesion(where: str, entry: object) -> Lesion:
    values = require_keys(
        where, entry, {"id", "center_mm", "radius_mm"}, set(Lesion.__dataclass_fields__) | {"schema", "what"}
    )
    try:
        return Lesion.from_json({key: value for key, value in values.items() if key != "what"})
    except FileFormatError as error:
        raise FileFormatError(f"{where}: {error}") from None


def require_unique_ids(where: str, ids: Sequence[str]) -> None:
    """Refuse a list in which two lesions have the same id.

    Raises:
        FileFormatError: names the id and the numbers of both entries.
    """
    for number, lesion_id in enumerate(ids, start=1):
        first = ids.index(lesion_id) + 1
        if first != number:
            raise FileFormatError(f"{where}: lesions {first} and {number} have the same id {lesion_id!r}")
