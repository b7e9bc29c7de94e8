"""The record of a measurement: the outline, axes and volume of one lesion in one study."""

from dataclasses import dataclass

from lesion_tracker.records.json_record import Ends, JsonRecord, Number, Point, ends, read_record, triple
from lesion_tracker.records.lesion import LARGEST_RADIUS_MM, SMALLEST_RADIUS_MM

Ring = tuple[Point, ...]


def radius_of(long_axis_mm: float) -> float:
    """Return the radius of a mark, within what one can have: half of the longest diameter, mm."""
    return min(max(long_axis_mm / 2, SMALLEST_RADIUS_MM), LARGEST_RADIUS_MM)


@dataclass(frozen=True)
class Measurement(JsonRecord):
    """What was measured of one lesion in one study; all points are LPS mm of that study.

    Args:
        center_mm: the middle of the outline.
        long_axis_mm: the longest diameter within an axial slice.
        short_axis_mm: the longest diameter square to it in the same slice.
        long_ends_mm: end points of the long axis.
        short_ends_mm: end points of the short axis.
        key_slice: LPS z of the slice of both axes, mm.
        volume_ml: within the outline; None where a reader drew the axes and no outline fits them.
        mean_hu: mean of the voxels within the outline, likewise.
        outline: closed rings, each in one axial slice, its first point again at its end.
        check: why a reader should look at it; "" where nothing speaks against it.
        method: what measured it.
        version: of the method; "" for a reader's axes without an outline: nothing computed them.
        study_id: of the study, where it is known.
        lesion_id: of the lesion, where it is known.
        changed_by: the reader who drew the axes or asked for the outline, or "".
        changed_at: when, ISO 8601 with time zone; "" where no reader did.

    Raises:
        ValueError: for axes that are no lengths, or a short axis that is longer than the long one.
    """

    center_mm: Point
    long_axis_mm: Number
    short_axis_mm: Number
    long_ends_mm: Ends
    short_ends_mm: Ends
    key_slice: Number
    volume_ml: Number | None
    mean_hu: Number | None
    outline: tuple[Ring, ...] = ()
    check: str = ""
    method: str = ""
    version: str = ""
    study_id: str = ""
    lesion_id: str = ""
    changed_by: str = ""
    changed_at: str = ""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        object.__setattr__(self, "center_mm", triple(self.center_mm))
        for name in ("long_ends_mm", "short_ends_mm"):
            object.__setattr__(self, name, ends(getattr(self, name)))
        if not 0 <= self.short_axis_mm <= self.long_axis_mm + 0.01:
            raise ValueError(
                f"the short axis must lie between 0 and the long one, got {self.short_axis_mm!r} and {self.long_axis_mm!r} mm"
            )

    @property
    def radius_mm(self) -> float:
        """Half of the longest diameter, as a mark's radius: within what a mark can have."""
        return radius_of(self.long_axis_mm)

    @classmethod
    def from_json(cls, data: object) -> "Measurement":
        """Read a record.

        Raises:
            FileFormatError: for a missing or unknown key, or a value that is nonsense.
        """
        return read_record(cls, "measurement", data, "measurement of {lesion_id!r}")
