"""The record of a mark: a Lesion that a reader marked in a study."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from lesion_tracker.errors import FileFormatError
from lesion_tracker.records.json_record import SCHEMA, require_schema, triple, with_triples

RadiusSource = Literal["estimated", "given"]


@dataclass(frozen=True)
class Lesion:
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
    center_mm: tuple[float, float, float]
    radius_mm: int | float
    label: str = ""
    tracking_uid: str = ""
    patient_id: str = ""
    study_id: str = ""
    marked_by: str = ""
    marked_at: str = ""
    radius_source: RadiusSource = "given"

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if not isinstance(self.id, str) or not self.id.strip():
            raise ValueError(f"a lesion needs an id, got {self.id!r}")
        object.__setattr__(self, "center_mm", triple(f"center_mm of {self.id!r}", self.center_mm))
        if not isinstance(self.radius_mm, int | float) or not 0.5 <= self.radius_mm <= 200:
            raise ValueError(f"radius_mm of {self.id!r} must be between 0.5 and 200 mm, got {self.radius_mm!r}")
        object.__setattr__(self, "radius_mm", float(self.radius_mm))
        if not self.label:
            object.__setattr__(self, "label", self.id)

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values, with its schema version."""
        return {"schema": SCHEMA, **asdict(self), "center_mm": list(self.center_mm)}

    @classmethod
    def from_json(cls, data: object) -> "Lesion":
        """Read a record.

        Raises:
            FileFormatError: for a missing or unknown key, or a value that is nonsense.
        """
        values = require_schema("lesion", data)
        try:
            return cls(**with_triples(values, "center_mm"))
        except (TypeError, ValueError) as error:
            raise FileFormatError(
                f"lesion {values.get('id', '?')!r}: {error}".replace("Lesion.__init__() ", "")
            ) from None
