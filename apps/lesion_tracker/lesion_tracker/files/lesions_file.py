"""lesions.json: the lesions of a baseline, {"lesions": [{"id", "center_mm", "radius_mm"}]}."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_model import Entries, Entry, read_model
from lesion_tracker.records.lesion import Lesion


class _LesionsFile(Entry):
    lesions: Entries
    patient: Any = None
    note: Any = None


def read_lesions(path: Path) -> list[Lesion]:
    """Read the lesions of a baseline study.

    Args:
        path: a JSON file; centres are LPS mm. Further fields of a Lesion (label, tracking_uid …) may be there.

    Raises:
        FileFormatError: for a missing file, an empty list, a wrong key or value (with the entry's number), a double id.
    """
    entries = read_model(path, _LesionsFile).lesions
    lesions = [_lesion(f"{path}: lesion {number}", entry) for number, entry in enumerate(entries, start=1)]
    require_unique_ids(str(path), [lesion.id for lesion in lesions])
    return lesions


def _lesion(where: str, entry: object) -> Lesion:
    values = {key: value for key, value in entry.items() if key != "what"} if isinstance(entry, dict) else entry
    try:
        return Lesion.from_json(values)
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
