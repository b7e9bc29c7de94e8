"""One answer beside its truth, whatever file it came from: what every score, stratum and figure is made of."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lesion_tracker.arrays import PointMm, PointsMm, point_mm
from lesion_tracker.scoring.looser import LooserHits

Direction = Literal["forward", "backward", "same study", "unknown"]
FARTHEST_MM = 1e6
"""No answer lies a kilometre away: a difference beyond it is a wrong number, and its square may be no number at all."""
LARGEST = 1e9
"""Of any other number."""

MISSED = np.full(3, np.inf)
"""The difference of a lesion that got no answer, because its pair was refused: no rule counts it, no mean holds it."""


@dataclass(frozen=True, eq=False)
class Answer:
    """One lesion: what was answered, and what a score needs to know.

    Args:
        id: unique in its file.
        difference_mm: answer minus truth along x, y, z, LPS mm; `MISSED` without an answer.
        radius_mm: of the lesion in the follow-up, mm.
        patient: "" where unknown.
        slice_mm: slice spacing of the follow-up, or None.
        direction: in time, from the study with the mark to the other.
        prior_mm: distance between the truth and the point that registration gave, or None.
        confidence: of the answer in [0, 1], or None.
        seconds: that the answer took, or None.
        shift: which of the shifted clicks of the robustness protocol; 0 is the original click.
        looser: the rules of later papers, where a box is known.

    Raises:
        ValueError: for numbers that are not finite or too large for what they are, or a radius below 0.
    """

    id: str
    difference_mm: PointMm
    radius_mm: float
    patient: str = ""
    slice_mm: float | None = None
    direction: Direction = "unknown"
    prior_mm: float | None = None
    confidence: float | None = None
    seconds: float | None = None
    shift: int = 0
    looser: LooserHits | None = None

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        if not self.missed:
            object.__setattr__(self, "difference_mm", point_mm(self.difference_mm))
        for name in ("radius_mm", "slice_mm", "prior_mm", "confidence", "seconds"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < LARGEST:
                raise ValueError(f"{name!r} must be a number from 0 to {LARGEST:g}, got {value!r}")
        if not self.missed and not np.abs(self.difference_mm).max() < FARTHEST_MM:
            raise ValueError(f"an answer cannot lie {np.abs(self.difference_mm).max():.3g} mm from the truth")
        if self.direction not in get_args(Direction):
            raise ValueError(f"'direction' must be one of {get_args(Direction)}, got {self.direction!r}")

    @property
    def missed(self) -> bool:
        """Whether there is no answer."""
        return np.array_equal(self.difference_mm, MISSED)

    @property
    def distance_mm(self) -> float:
        """Euclidean error, mm; infinite without an answer."""
        return float(np.linalg.norm(self.difference_mm))

    @property
    def inside_box(self) -> bool | None:
        """Whether the answer lies in the target's box; None where no box is known."""
        return None if self.looser is None else self.looser.uae_in_box

    def to_json(self) -> dict[str, Any]:
        """Return the answer as plain JSON values, without what is unknown; `difference_mm` is null without an answer."""
        values = {key: value for key, value in asdict(self).items() if value is not None}
        difference = None if self.missed else [float(v) for v in self.difference_mm]
        return {**values, "difference_mm": difference, "radius_mm": float(self.radius_mm)}


def differences_of(answers: Sequence[Answer]) -> PointsMm:
    """Return answer minus truth of all lesions, mm."""
    return np.array([answer.difference_mm for answer in answers]).reshape(-1, 3)


def distances_of(answers: Sequence[Answer]) -> Float[ndarray, "answers"]:
    """Return the Euclidean errors, mm."""
    return np.asarray(np.linalg.norm(differences_of(answers), axis=1))


def radii_of(answers: Sequence[Answer]) -> Float[ndarray, "answers"]:
    """Return the radii, mm."""
    return np.array([float(answer.radius_mm) for answer in answers])


def patients_of(answers: Sequence[Answer]) -> list[str]:
    """Return the patient of each answer."""
    return [answer.patient for answer in answers]
