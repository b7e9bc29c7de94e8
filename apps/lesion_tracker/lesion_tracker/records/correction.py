"""The record of a correction: where the tracker saw a lesion, and where a reader says that it is."""

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from lesion_tracker.records.json_record import JsonRecord, Point, read_record, triple
from lesion_tracker.records.track import Track

Verdict = Literal["corrected", "accepted"]
"""corrected: the reader moved the point; accepted: the reader says that the tracked point is right."""


@dataclass(frozen=True)
class Correction(JsonRecord):
    """A reader's answer to a Track; the tracked point stays in `track`, so both points are kept.

    Args:
        track: what was corrected.
        center_mm: where the reader put the lesion, LPS mm of the follow-up.
        corrected_by: who.
        corrected_at: when, ISO 8601 with time zone.
        verdict: "accepted" where the reader left the point where it was tracked.

    Raises:
        ValueError: for a centre that is not three finite numbers, an unknown verdict, or an accepted point that is
            not the tracked one.
    """

    track: Track
    center_mm: Point
    corrected_by: str = ""
    corrected_at: str = ""
    verdict: Verdict = "corrected"

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        object.__setattr__(self, "center_mm", triple(self.center_mm))
        if self.verdict not in get_args(Verdict):
            raise ValueError(f"verdict must be one of {get_args(Verdict)}, got {self.verdict!r}")
        if self.verdict == "accepted" and self.center_mm != self.track.center_mm:
            raise ValueError(f"an accepted point is the tracked one, {self.track.center_mm}, got {self.center_mm}")

    @property
    def moved_mm(self) -> float:
        """Distance between the tracked point and the reader's, mm."""
        return math.dist(self.center_mm, self.track.center_mm)

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values, with its schema version and its track's."""
        return {**super().to_json(), "track": self.track.to_json()}

    @classmethod
    def from_json(cls, data: object) -> "Correction":
        """Read a record.

        Raises:
            FileFormatError: for a missing or unknown key, or a value that is nonsense.
        """
        return read_record(cls, "correction", data, "correction", {"track": Track.from_json})
