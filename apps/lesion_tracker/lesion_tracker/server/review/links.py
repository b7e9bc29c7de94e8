"""What the pages ask the server: its addresses, and the queries of a cell's pictures, which change once it looks different."""

import hashlib
import posixpath
from typing import Any
from urllib.parse import quote, urlencode

from lesion_tracker.readers.cell import Cell
from lesion_tracker.readers.cell_size import Size
from lesion_tracker.readers.patient_table import Row
from lesion_tracker.server import addresses

THUMB_MM = 90.0

AT = {
    name: "./" if path == addresses.LESIONS else posixpath.relpath(path, addresses.LESIONS)
    for name, path in {
        "lesions": addresses.LESIONS,
        "table": addresses.TABLE,
        "crop": addresses.CROP,
        "block": addresses.BLOCK,
        "map": addresses.POINT_MAP,
        "mark": addresses.MARK,
        "accept": addresses.ACCEPT,
        "move": addresses.MOVE,
        "undo": addresses.UNDO,
        "redo": addresses.REDO,
        "close": addresses.CLOSE,
        "delete": addresses.DELETE,
        "restore": addresses.RESTORE,
        "rename": addresses.RENAME,
        "row": addresses.ROW,
        "changes": addresses.CHANGES,
        "track": addresses.TRACK,
        "measure": addresses.MEASURE,
        "outline": addresses.OUTLINE,
        "size": addresses.SIZE,
        "reset-size": addresses.SIZE_RESET,
        "undo-size": addresses.SIZE_UNDO,
        "fate": addresses.FATE,
        "traits": addresses.TRAITS,
        "undo-traits": addresses.TRAITS_UNDO,
        "response": addresses.RESPONSE,
        "paper": addresses.PAPER,
        "results_table": addresses.RESULTS_TABLE,
        "results": addresses.RESULTS,
        "waterfall": addresses.WATERFALL,
        "report_file": addresses.REPORT_FILE,
        "masks_file": addresses.MASKS_FILE,
        "store": addresses.STORE,
        "found": addresses.FOUND,
        "take": addresses.TAKE,
        "progress": addresses.PROGRESS,
        "logout": addresses.LOGOUT,
    }.items()
}
"""What the pages ask the server, from where they are: a reverse proxy may put them below a path of its own."""


def crop(cell: Cell, width_mm: float = THUMB_MM, size: Size | None = None) -> dict[str, Any]:
    """Return the query of a cell's crops, but for their planes, pixels and window."""
    if cell.center_mm is None:
        raise ValueError(f"{cell.lesion_id} has no point in {cell.study_id}")
    x, y, z = (round(value, 3) for value in cell.center_mm)
    query: dict[str, Any] = {"study": cell.study_id, "x": x, "y": y, "z": z}
    query |= {
        "width": max(width_mm, 60.0, round(6 * cell.radius_mm)),
        "color": cell.color,
        "radius": round(cell.radius_mm, 1),
    }
    if size is not None:
        query |= {"lesion": cell.lesion_id, "size": size.version}
        query["width"] = max(query["width"], round(2.5 * size.long_axis_mm))
    if cell.kind == "corrected" and cell.track is not None:
        query["other"] = ",".join(f"{value:.3f}" for value in cell.track.center_mm)
    return query


def crop_rest(cell: Cell, size: Size | None) -> dict[str, Any]:
    """Return the query of a cell's crops, but for what its cell says of itself."""
    return {name: value for name, value in crop(cell, size=size).items() if name not in ("study", "color", "lesion")}


def like(row: Row) -> dict[str, str]:
    """Return the query of what decides on the automatic window in all studies of a lesion: its first point."""
    first = next((cell for cell in row.cells.values() if cell.center_mm), None)
    at = ",".join(f"{value:.3f}" for value in first.center_mm or ()) if first else ""
    return {"like": first.study_id, "like_at": at} if first else {}


def version(cell: Cell, size: Size | None = None) -> str:
    """Return what is different once a cell looks different."""
    again = cell.tracked_again.created_at if cell.tracked_again else ""
    facts = (
        cell.kind,
        cell.color,
        cell.when,
        cell.who,
        cell.reason,
        cell.outdated,
        again,
        cell.center_mm,
        cell.fate,
        size,
    )
    return _hash(facts)


def _hash(facts: object) -> str:
    return hashlib.blake2s(repr(facts).encode(errors="replace"), digest_size=8).hexdigest()


def place(patient: str, lesion: str = "", study: str = "", against: str = "") -> str:
    """Return the address of a patient's page, or of a lesion's in one of the studies."""
    named = {"patient": patient, "lesion": lesion, "study": study, "against": against}
    return f"{AT['lesions']}?{urlencode({name: text for name, text in named.items() if text}, quote_via=quote)}"
