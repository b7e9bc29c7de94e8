"""The records of a mark: a Lesion that a reader marked in a study, or a Spot, whose size is still to be estimated."""

from dataclasses import dataclass
from typing import Literal

from lesion_tracker.records.json_record import AnyNumber, JsonRecord, Point, read_record, triple

RadiusSource = Literal["estimated", "given", "expected", "measured"]
"""measured: half of the longest diameter of the outline round the click. given: by a reader. expected: from another study, not
measured. estimated: in marks of version 0.2.0 and before that were made without a radius, that of the ball that the image
suggested, up to a quarter less. Such marks are read as they are; a new click measures."""

SMALLEST_RADIUS_MM, LARGEST_RADIUS_MM = 0.5, 200.0


@dataclass(frozen=True)
class Lesion(JsonRecord):
    """A lesion as a reader marked it in one study.

    Args:
        id: unique within the study, also its label in the viewers ("lesion_1").
        center_mm: LPS, mm.
        radius_mm: half of the longest diameter, mm; 0.5 to 200.
        label: the name shown; the id unless renamed.
        tracking_uid: the same for this lesion in all studies of the patient.
        radius_source: how the radius came about.

    Raises:
        ValueError: for a centre that is not three finite numbers, or a radius that is no radius.
    """

    id: str
    center_mm: Point
    radius_mm: AnyNumber
    label: str = ""
    tracking_uid: str = ""
    patient_id: str = ""
    study_id: str = ""
    marked_by: str = ""
    marked_at: str = ""
    radius_source: RadiusSource = "given"

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if not self.id.strip():
            raise ValueError(f"a lesion needs an id, got {self.id!r}")
        object.__setattr__(self, "center_mm", triple(self.center_mm))
        if not SMALLEST_RADIUS_MM <= self.radius_mm <= LARGEST_RADIUS_MM:
            raise ValueError(f"radius_mm of {self.id!r} must be between 0.5 and 200 mm, got {self.radius_mm!r}")
        object.__setattr__(self, "radius_mm", float(self.radius_mm))
        if not self.label:
            object.__setattr__(self, "label", self.id)

    @classmethod
    def from_json(cls, data: object) -> "Lesion":
        """Read a record.

        Raises:
            FileFormatError: for a missing or unknown key, or a value that is nonsense.
        """
        return read_record(cls, "lesion", data, "lesion {id!r}")


@dataclass(frozen=True)
class Spot(JsonRecord):
    """A point that a reader set in a lesion, without a size: the study has to be read before it is a `Lesion`.

    Args:
        id: unique within the study.
        center_mm: LPS, mm.
        label: the name shown; the id unless given.
        tracking_uid: as of a lesion.

    Raises:
        ValueError: for a centre that is not three finite numbers, or no id.
    """

    id: str
    center_mm: Point
    label: str = ""
    tracking_uid: str = ""

    def __post_init__(self) -> None:
        """Refuse what would be no lesion of any size."""
        lesion = self.sized(SMALLEST_RADIUS_MM)
        object.__setattr__(self, "center_mm", lesion.center_mm)
        object.__setattr__(self, "label", lesion.label)

    def sized(self, radius_mm: float) -> Lesion:
        """Return the lesion of a measured radius."""
        more: dict[str, str] = {"label": self.label, "tracking_uid": self.tracking_uid}
        return Lesion(self.id, self.center_mm, radius_mm, radius_source="measured", **more)


Marked = Lesion | Spot
"""What a file of marks holds."""


def marked_from_json(data: object) -> Marked:
    """Read a lesion, or a spot, which has no radius.

    Raises:
        FileFormatError: for a missing or unknown key, or a value that is nonsense.
    """
    if isinstance(data, dict) and "radius_mm" not in data:
        return read_record(Spot, "lesion", data, "lesion {id!r}")
    return Lesion.from_json(data)
