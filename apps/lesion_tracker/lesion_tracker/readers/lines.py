"""The lines of a history as they are written, and whether one says again what stands."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lesion_tracker.errors import Changed
from lesion_tracker.readers.said_line import ASIDE
from lesion_tracker.readers.steps import Said
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.lesion import Lesion


def require_own(whose: str, by: str, what: str) -> None:
    """Refuse to take back what another reader did.

    Args:
        whose: it is; "" where nobody gave a name.
        by: who wants to take it back.
        what: it is, in words.

    Raises:
        Changed: saying whose it is.
    """
    if whose != by:
        raise Changed(
            f"the last {what} is {whose or 'an unnamed reader'}'s, not yours: only who did it takes it back; say what holds "
            "instead"
        )


def now() -> str:
    """Return the time of this moment, ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def line_on(stamp: str) -> dict[str, str]:
    """Return what a line says of the volume that it was set on; nothing where that is unknown."""
    return {"on": stamp} if stamp else {}


def action_line(action: str, lesion_id: str, by: str, **more: str) -> dict[str, str]:
    """Return the line of what somebody does to a lesion, now."""
    return {"action": action, "lesion_id": lesion_id, "by": by, "at": now(), **more}


def again(said: Said, on: str, at: str) -> dict[str, Any]:
    """Return the line of a step that is done once more, at this time."""
    if isinstance(said, Lesion):
        return {"lesion": replace(said, marked_at=at).to_json(), **line_on(on)}
    if isinstance(said, Correction):
        return {"correction": replace(said, corrected_at=at).to_json(), **line_on(on)}
    if isinstance(said, Mapping):
        return {**{key: text for key, text in said.items() if key not in ASIDE}, "at": at, **line_on(on)}
    raise TypeError(f"a reader does no {type(said).__name__}")


def same_mark(known: Lesion, marked: Lesion) -> bool:
    """Say whether a mark says again what stands, whoever said it and when."""
    return replace(known, marked_at="", marked_by="") == replace(marked, marked_at="", marked_by="")


def same_correction(known: Correction | None, correction: Correction) -> bool:
    """Say whether an answer to a track says again what stands."""
    return (
        known is not None
        and known.verdict == correction.verdict
        and known.center_mm == correction.center_mm
        and known.track.created_at == correction.track.created_at
    )
