"""The record of an answer: the Track that says where a lesion is in a later study."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

from lesion_tracker.records.json_record import Ends, Flag, JsonRecord, Number, Point, ends, read_record, triple
from lesion_tracker.records.state import STATES


@dataclass(frozen=True)
class Track(JsonRecord):
    """Where one lesion of a baseline study is in a follow-up study.

    Args:
        center_mm: the answer, LPS mm of the follow-up.
        expected_radius_mm: the baseline's radius as registration scales it there, mm; not a measurement.
        confidence: probability that the answer is right, in [0, 1]: of `presence` times `placement` where there are these;
            `calibrated` says whether it was fitted.
        state: one of `lesion_tracker.records.state.STATES`.
        expected_mm: where registration put the lesion, LPS mm of the follow-up.
        moved_mm: distance between `center_mm` and `expected_mm`.
        method: what made the answer; a fallback names itself here ("deformable (no published weights)").
        model: name, sha256 and card of the weights, or None.
        registration: method and quality numbers of the registration.
        seconds: per stage.
        note: one sentence for the reader, or "".
        baseline_mm: the point that it was tracked from, LPS mm of the baseline; None in tracks of earlier versions.
        long_axis_mm: longest diameter in an axial slice of the follow-up, or None where it was not measured.
        short_axis_mm: the longest diameter square to it in the same slice.
        volume_ml: within the outline.
        mean_hu: within the outline.
        earlier_long_axis_mm: the long axis in the baseline, measured in the same way.
        long_ends_mm: end points of the long axis, LPS mm of the follow-up.
        short_ends_mm: end points of the short axis.
        check_size: why a reader should look at the axes; "" where nothing speaks against them.
        presence: probability that the lesion is there; None where that was not judged: by registration alone, by weights
            without a judgement, in tracks of earlier versions.
        placement: probability that the point is right, if the lesion is there; None as `presence`.
        radius_90_mm: distance from the point within which the lesion's centre lies with 90 %, if it is there; None where
            that was not measured or the registration is doubtful.
        contrast_lost: whether only the lesion's place is left at the point: it may have gone.
        parts: sizes and places of the two parts that the lesion may have split into; "" where it is one.
        between: readers' points of the lesion in the studies between the two when it was tracked, by study id, LPS mm of
            each; None where that was not noted (tracks of earlier versions, and of no study of a patient).

    Raises:
        ValueError: for a confidence outside [0, 1], an unknown state, or points that are not three finite numbers.
    """

    lesion_id: str
    baseline_study: str
    followup_study: str
    center_mm: Point
    expected_radius_mm: Number
    confidence: Number
    state: str
    expected_mm: Point
    method: str
    moved_mm: Number = -1.0
    calibrated: Flag = False
    tracking_uid: str = ""
    label: str = ""
    model: dict[str, Any] | None = None
    registration: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    created_at: str = ""
    note: str = ""
    warnings: tuple[str, ...] = ()
    baseline_mm: Point | None = None
    long_axis_mm: Number | None = None
    short_axis_mm: Number | None = None
    volume_ml: Number | None = None
    mean_hu: Number | None = None
    earlier_long_axis_mm: Number | None = None
    long_ends_mm: Ends | None = None
    short_ends_mm: Ends | None = None
    check_size: str = ""
    presence: Number | None = None
    placement: Number | None = None
    radius_90_mm: Number | None = None
    contrast_lost: Flag = False
    parts: str = ""
    between: dict[str, Point] | None = None

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        object.__setattr__(self, "center_mm", triple(self.center_mm))
        object.__setattr__(self, "expected_mm", triple(self.expected_mm))
        object.__setattr__(self, "warnings", tuple(self.warnings))
        for name in ("long_ends_mm", "short_ends_mm"):
            object.__setattr__(self, name, None if getattr(self, name) is None else ends(getattr(self, name)))
        for name in ("confidence", "presence", "placement"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} must lie in [0, 1], got {value!r}")
        if self.state not in STATES:
            raise ValueError(f"state must be one of {tuple(STATES)}, got {self.state!r}")
        object.__setattr__(self, "moved_mm", math.dist(self.center_mm, self.expected_mm))

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values; `radius_mm`, the former name of `expected_radius_mm`, is sent beside it."""
        values = super().to_json()
        point = None if self.baseline_mm is None else list(self.baseline_mm)
        between = None if self.between is None else {name: list(one) for name, one in self.between.items()}
        return {**values, "baseline_mm": point, "between": between, "radius_mm": values["expected_radius_mm"]}

    @classmethod
    def from_json(cls, data: object) -> "Track":
        """Read a record, also one that calls its expected radius `radius_mm`.

        Raises:
            FileFormatError: for a missing or unknown key, or a value that is nonsense.
        """
        if isinstance(data, dict) and "radius_mm" in data:
            data = {"expected_radius_mm": data["radius_mm"], **{key: data[key] for key in data if key != "radius_mm"}}
        return read_record(cls, "track", data, "track of {lesion_id!r}")

    def with_changes(self, **changes: Any) -> "Track":
        """Return a copy with some fields replaced."""
        return replace(self, **changes)

    def without_size(self) -> "Track":
        """Return a copy of which nothing was measured."""
        nothing = dict.fromkeys(
            ("long_axis_mm", "short_axis_mm", "volume_ml", "mean_hu", "long_ends_mm", "short_ends_mm")
        )
        return self.with_changes(**nothing, check_size="")

    @property
    def long_axis_change_mm(self) -> float | None:
        """By how much the long axis is longer than in the baseline."""
        if self.long_axis_mm is None or self.earlier_long_axis_mm is None:
            return None
        return self.long_axis_mm - self.earlier_long_axis_mm

    @property
    def has_point(self) -> bool:
        """Say whether its point is a place in the follow-up, which can be shown, accepted and tracked on."""
        return STATES[self.state].has_point
