"""Evidence to choice, confidence and state: calibrated where a model brings its coefficients, else named as uncalibrated."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lesion_tracker.errors import WeightsError
from lesion_tracker.records.state import FOUND, UNCERTAIN
from lesion_tracker.tracking.core import FAINT_HU
from lesion_tracker.tracking.evidence import Evidence

FOUND_FROM = 0.5
"""Uncalibrated answers of a lower confidence are uncertain: a reader should look."""

FEATURES = (
    "registered", "similarity", "lead", "logit", "gap", "mass", "apart", "from_network", "from_alignment",
    "lost", "lost_hu", "contrast", "changed", "texture", "rim", "strain", "shifted", "warped", "inside", "registration",
    "size",
)  # fmt: skip
"""What is read about one candidate to choose among them, in this order; see `features`."""

CONFIDENCE_FEATURES = (
    "registered", "similarity", "lead", "logit", "gap", "mass", "apart", "from_network", "lost", "lost_hu", "changed",
    "texture", "rim", "warped", "size", "odds", "gone",
)  # fmt: skip
"""What confidence is read from, in this order: some of FEATURES and two more; see `confidence_features`."""

GONE_FROM, GONE_WIDTH = 0.8, 0.07
"""A lesion has gone where more than this share of its contrast has, and its own density changed as much."""

VISIBLE_HU = 60.0
"""From this contrast on a lesion that has gone can be seen to have gone."""


ALIKE, ALIKE_AFFINE = 0.45, 0.62
"""Correlation of the surroundings that gives registration's point a confidence of 0.5: after a deformation, and without one.

The second was fitted on 40 points of two pairs: two affine points were 9 mm off where the surroundings were alike by 0.52
and 0.60. Deformable points of the same pairs were right from 0.36 on.
"""


def registration_confidence(similarity: float, inside: float, alike: float = ALIKE) -> float:
    """Return the confidence of a point that registration alone gave; uncalibrated.

    It is a logistic curve of how alike the lesion's surroundings are in both studies, and less where part of the
    surroundings was not scanned.

    Args:
        similarity: correlation, -1 to 1.
        inside: share of the surroundings that both studies hold, 0 to 1.
        alike: correlation with a confidence of 0.5.
    """
    return min(inside / (1 + math.exp(-8.0 * (similarity - alike))), 0.98)


def doubted(confidence: float, found_from: float) -> float:
    """Return the confidence of an answer on a doubtful registration: all of them are below the least that is found.

    The evidence is measured round the point alone, and says little where the studies themselves may not belong together.
    """
    return 0.99 * found_from * confidence


def uncalibrated_state(confidence: float) -> str:
    """Return the state of an uncalibrated confidence."""
    return (FOUND if confidence >= FOUND_FROM else UNCERTAIN).name


def features(evidence: Evidence) -> list[float]:
    """Return the numbers of FEATURES, bounded so that no odd value decides alone."""
    return [
        evidence.registered,
        evidence.similarity,
        max(-0.6, min(0.6, evidence.lead)),
        max(-8.0, min(8.0, evidence.logit)),
        min(evidence.gap, 15.0),
        evidence.mass,
        _distance(evidence.apart_mm),
        _distance(evidence.from_network_mm),
        _distance(evidence.from_alignment_mm),
        evidence.lost,
        min(evidence.lost_hu, 150.0) / 100.0,
        min(evidence.contrast_hu, 150.0) / 100.0,
        min(evidence.changed_hu, 200.0) / 100.0,
        evidence.texture,
        evidence.rim,
        min(evidence.strain, 2.0) * evidence.registered,
        _distance(evidence.shifted_mm) * evidence.registered,
        evidence.warped * evidence.registered,
        evidence.inside,
        evidence.registration,
        math.log(max(evidence.radius_mm, 1.0)),
    ]


def _distance(mm: float) -> float:
    return math.log1p(min(mm, 60.0))


@dataclass(frozen=True)
class Logistic:
    """A logistic regression.

    Args:
        weights: one a feature, for features as they are.
        offset: added to their sum.
    """

    weights: tuple[float, ...]
    offset: float

    def probability(self, values: Sequence[float]) -> float:
        """Return the probability for one list of features."""
        total = self.offset + sum(w * v for w, v in zip(self.weights, values, strict=True))
        return 1 / (1 + math.exp(-max(-40.0, min(40.0, total))))


@dataclass(frozen=True)
class Calibration:
    """What a model card says about choice and confidence, fitted on the calibration studies.

    Args:
        choice: weights of FEATURES; among the candidates of a lesion the highest sum is chosen (conditional logit).
        confidence: probability that the chosen point is right, from CONFIDENCE_FEATURES of the chosen candidate.
        found_from: answers of this confidence and above are "found".
        agree_mm: candidates nearer to each other than this are one place, and registration's point answers for it.
    """

    choice: tuple[float, ...]
    confidence: Logistic
    found_from: float
    agree_mm: float

    def shares(self, evidence: Sequence[Evidence]) -> np.ndarray:
        """Return the probability of each candidate to be chosen; they add up to 1."""
        sums = np.array([features(one) for one in evidence]) @ np.array(self.choice)
        shares: np.ndarray = np.exp(sums - sums.max())
        return shares / shares.sum()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Calibration":
        """Read the card's entry "calibration".

        Raises:
            WeightsError: if it does not fit this version's features.
        """
        try:
            for name, known in (("features", FEATURES), ("confidence_features", CONFIDENCE_FEATURES)):
                if tuple(data[name]) != known:
                    raise WeightsError(f"the card's calibration has {name} {data[name]}, this version {list(known)}")
            choice = tuple(float(w) for w in data["choice"])
            weights = tuple(float(w) for w in data["confidence"]["weights"])
            if len(choice) != len(FEATURES) or len(weights) != len(CONFIDENCE_FEATURES):
                raise WeightsError(
                    f"the card's calibration has {len(choice)} and {len(weights)} weights, not {len(FEATURES)} and "
                    f"{len(CONFIDENCE_FEATURES)}"
                )
            confidence = Logistic(weights, float(data["confidence"]["offset"]))
            return cls(choice, confidence, float(data["found_from"]), float(data["agree_mm"]))
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"the card's calibration cannot be read: {error!r}") from None

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            "features": list(FEATURES),
            "confidence_features": list(CONFIDENCE_FEATURES),
            "choice": list(self.choice),
            "confidence": {"weights": list(self.confidence.weights), "offset": self.confidence.offset},
            "found_from": self.found_from,
            "agree_mm": self.agree_mm,
        }


def confidence_features(evidence: Evidence, share: float) -> list[float]:
    """Return the numbers of CONFIDENCE_FEATURES: of FEATURES, the log-odds of the choice (±6), and whether it has gone.

    Args:
        evidence: about the chosen candidate.
        share: probability of its choice.
    """
    values = dict(zip(FEATURES, features(evidence), strict=True))
    values["odds"] = max(-6.0, min(6.0, math.log(max(share, 1e-9) / max(1 - share, 1e-9))))
    values["gone"] = gone(evidence)
    return [values[name] for name in CONFIDENCE_FEATURES]


def gone(evidence: Evidence) -> float:
    """Return how clearly a visible lesion is no longer there, 0 to 1: its contrast is lost, and by its own change of HU.

    A lesion that grew over its rim has lost its contrast, too, but its own HU are the same.
    """
    share = min(evidence.lost, evidence.changed_hu / max(evidence.contrast_hu, FAINT_HU))
    visible = min(evidence.contrast_hu / VISIBLE_HU, 1.0)
    return visible / (1 + math.exp(-max(-40.0, (share - GONE_FROM) / GONE_WIDTH)))


_BY_HAND = {"registered": 0.5, "similarity": 6.0, "logit": 0.3, "gap": -0.1, "mass": 2.0, "apart": -0.3, "lost": -2.0,
            "texture": 2.0, "inside": 1.0}  # fmt: skip
_BY_HAND_CONFIDENCE = {**{name: 0.5 * weight for name, weight in _BY_HAND.items()}, "odds": 0.3}

UNCALIBRATED = Calibration(
    choice=tuple(_BY_HAND.get(name, 0.0) for name in FEATURES),
    confidence=Logistic(tuple(_BY_HAND_CONFIDENCE.get(name, 0.0) for name in CONFIDENCE_FEATURES), -3.5),
    found_from=FOUND_FROM,
    agree_mm=4.0,
)
"""Used for weights whose card brings no calibration; tracks then say `calibrated: false`."""
