"""The record of a mark: a Lesion that a reader marked in a study."""

from dataclasses import dataclass
from typing import Literal

from lesion_tracker.records.json_record import AnyNumber, JsonRecord, Point, read_record, triple

RadiusSource = Literal["estimated", "given"]


@dataclass(frozen=True)
class Lesion(JsonRecord):
    """A lesion as a reader marked it in one study.

    Args:
        id: unique within the study, also its label in the viewers ("lesion_1").
        center_mm: LPS, mm.
        radius_mm: half of the longest diameter, mm; 0.5 to 200.
        label: the name shown; the id unless renamed.
        tracking_uid: the same for this lesion in all studies of the patient.
        radius_source: "estimated" from the image round the click, or "given".

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
        if not 0.5 <= self.radius_mm <= 200:
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
