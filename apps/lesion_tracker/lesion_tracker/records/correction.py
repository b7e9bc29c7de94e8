"""The record of a correction: where the tracker saw a lesion, and where a reader says that it is."""

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from lesion_tracker.arrays import point_mm
from lesion_tracker.errors import FileFormatError
from lesion_tracker.records.track import Track

SCHEMA = 1

Verdict = Literal["corrected", "accepted"]
"""corrected: the reader moved the point; accepted: the reader says that the tracked point is right."""


@dataclass(frozen=True)
class Correction:
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
    center_mm: tuple[float, float, float]
    corrected_by: str = ""
    corrected_at: str = ""
    verdict: Verdict = "corrected"

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        x, y, z = (float(value) for value in point_mm(self.center_mm))
        object.__setattr__(self, "center_mm", (x, y, z))
        if self.verdict not in get_args(Verdict):
            raise ValueError(f"verdict must be one of {get_args(Verdict)}, got {self.verdict!r}")
        if self.verdict == "accepted" and self.center_mm != self.track.center_mm:
            raise ValueError(f"an accepted point is the tracked one, {self.track.center_mm}, got {self.center_mm}")

    @property
    def moved_mm(self) -> float:
        """Distance between the tracked point and the reader's, mm."""
        return math.dist(self.center_mm, self.track.center_mm)

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values, with its schema version."""
        return {
            "schema": SCHEMA,
            "track": self.track.to_json(),
            "center_mm": list(self.center_mm),
            "corrected_by": self.corrected_by,
            "corrected_at": self.corrected_at,
            "verdict": self.verdict,
        }

    @classmethod
    def from_json(cls, data: object) -> "Correction":
        """Read a record.

        Raises:
            FileFormatError: for a missing or unknown key, or a value that is nonsense.
        """
        if not isinstance(data, dict):
            raise FileFormatError(f"a correction must be a JSON object, got {type(data).__name__}")
        values = dict(data)
        if values.pop("schema", SCHEMA) != SCHEMA:
            raise FileFormatError(
                f"a correction of schema {data['schema']!r} cannot be read; this version reads {SCHEMA}"
            )
        try:
            x, y, z = (float(value) for value in point_mm(values.get("center_mm")))
            return cls(**{**values, "track": Track.from_json(values.get("track")), "center_mm": (x, y, z)})
        except (TypeError, ValueError) as error:
            raise FileFormatError(f"correction: {error}") from None
