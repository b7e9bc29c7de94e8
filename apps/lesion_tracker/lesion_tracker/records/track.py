"""The records of tracking: a Lesion that a reader marked, and the Track that says where it is in a later study."""

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from lesion_tracker.arrays import point_mm
from lesion_tracker.errors import FileFormatError

SCHEMA = 1

State = Literal["found", "uncertain", "outside"]
"""found; uncertain: a reader should look; outside: the expected point lies outside the follow-up's field of view."""

Method = Literal["auto", "dlt", "affine", "deformable", "bspline"]
METHODS: tuple[str, ...] = get_args(Method)
RadiusSource = Literal["estimated", "given"]


def _triple(name: str, value: object) -> tuple[float, float, float]:
    try:
        x, y, z = (float(v) for v in point_mm(value))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return x, y, z


def _with_triples(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {**values, **{name: _triple(name, values[name]) for name in names if name in values}}


def _require_schema(record: str, data: object) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise FileFormatError(f"a {record} must be a JSON object, got {type(data).__name__}")
    if data.get("schema", SCHEMA) != SCHEMA:
        raise FileFormatError(f"a {record} of schema {data['schema']!r} cannot be read; this version reads {SCHEMA}")
    return {key: value for key, value in data.items() if key != "schema"}


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
        object.__setattr__(self, "center_mm", _triple(f"center_mm of {self.id!r}", self.center_mm))
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
        values = _require_schema("lesion", data)
        try:
            return cls(**_with_triples(values, "center_mm"))
        except (TypeError, ValueError) as error:
            raise FileFormatError(
                f"lesion {values.get('id', '?')!r}: {error}".replace("Lesion.__init__() ", "")
            ) from None


@dataclass(frozen=True)
class Track:
    """Where one lesion of a baseline study is in a follow-up study.

    Args:
        center_mm: the answer, LPS mm of the follow-up.
        radius_mm: the radius that registration expects there, mm.
        confidence: probability that the answer is right, in [0, 1]; `calibrated` says whether it was fitted.
        expected_mm: where registration put the lesion, LPS mm of the follow-up.
        moved_mm: distance between `center_mm` and `expected_mm`.
        method: what made the answer; a fallback names itself here ("deformable (no published weights)").
        model: name, sha256 and card of the weights, or None.
        registration: method and quality numbers of the registration.
        seconds: per stage.
        note: one sentence for the reader, or "".

    Raises:
        ValueError: for a confidence outside [0, 1], an unknown state, or points that are not three finite numbers.
    """

    lesion_id: str
    baseline_study: str
    followup_study: str
    center_mm: tuple[float, float, float]
    radius_mm: float
    confidence: float
    state: State
    expected_mm: tuple[float, float, float]
    method: str
    moved_mm: float = -1.0
    calibrated: bool = False
    tracking_uid: str = ""
    label: str = ""
    model: dict[str, Any] | None = None
    registration: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    created_at: str = ""
    note: str = ""
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        object.__setattr__(self, "center_mm", _triple("center_mm", self.center_mm))
        object.__setattr__(self, "expected_mm", _triple("expected_mm", self.expected_mm))
        object.__setattr__(self, "warnings", tuple(self.warnings))
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence must lie in [0, 1], got {self.confidence!r}")
        if self.state not in get_args(State):
            raise ValueError(f"state must be one of {get_args(State)}, got {self.state!r}")
        object.__setattr__(self, "moved_mm", math.dist(self.center_mm, self.expected_mm))

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values, with its schema version."""
        data = {"schema": SCHEMA, **asdict(self)}
        for key in ("center_mm", "expected_mm", "warnings"):
            data[key] = list(data[key])
        return data

    @classmethod
    def from_json(cls, data: object) -> "Track":
        """Read a record.

        Raises:
            FileFormatError: for a missing or unknown key, or a value that is nonsense.
        """
        values = _require_schema("track", data)
        try:
            triples = _with_triples(values, "center_mm", "expected_mm")
            return cls(**{**triples, "warnings": tuple(values.get("warnings", ()))})
        except (TypeError, ValueError) as error:
            raise FileFormatError(f"track of {values.get('lesion_id', '?')!r}: {error}") from None

    def with_changes(self, **changes: Any) -> "Track":
        """Return a copy with some fields replaced."""
        return replace(self, **changes)
