"""Evidence to confidence and state: calibrated where a model brings its coefficients, else named as uncalibrated."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.errors import WeightsError
from lib.tracking.evidence import Evidence
from lib.tracking.records import State

FOUND_FROM = 0.5
"""Uncalibrated answers of a lower confidence are uncertain: a reader should look."""

FEATURES = ("prior_similarity", "network_similarity", "inside", "registration", "apart", "logit", "mass", "prior_mass",
            "prior_gap", "rival_gap", "size")  # fmt: skip
"""What the logistic regressions read, in this order; see `features`."""


def registration_confidence(similarity: float, inside: float, fallback: str) -> float:
    """Return the confidence of a point that registration alone gave; uncalibrated.

    It is a logistic curve of how alike the lesion's surroundings are in both studies (0.5 at a correlation of 0.45), less
    where part of the surroundings was not scanned, and half for a fallback.

    Args:
        similarity: correlation, -1 to 1.
        inside: share of the surroundings that both studies hold, 0 to 1.
        fallback: what registration fell back to, or "".
    """
    confidence = inside / (1 + math.exp(-8.0 * (similarity - 0.45)))
    return min(confidence, 0.98) * (0.5 if fallback else 1.0)


def uncalibrated_state(confidence: float) -> State:
    """Return "found" or "uncertain" for an uncalibrated confidence."""
    return "found" if confidence >= FOUND_FROM else "uncertain"


def features(evidence: Evidence) -> list[float]:
    """Return the numbers of FEATURES, bounded so that no odd value decides alone."""
    return [
        evidence.prior_similarity,
        evidence.network_similarity,
        evidence.inside,
        evidence.registration,
        math.log1p(min(evidence.apart_mm, 60.0)),
        max(-8.0, min(8.0, evidence.logit)),
        evidence.mass,
        evidence.prior_mass,
        min(evidence.prior_gap, 15.0),
        min(evidence.rival_gap, 10.0),
        math.log(max(evidence.radius_mm, 1.0)),
    ]


@dataclass(frozen=True)
class Logistic:
    """A logistic regression on FEATURES.

    Args:
        weights: one a feature, for features as they are.
        offset: added to their sum.
    """

    weights: tuple[float, ...]
    offset: float

    def probability(self, values: list[float]) -> float:
        """Return the probability for one list of features."""
        total = self.offset + sum(w * v for w, v in zip(self.weights, values, strict=True))
        return 1 / (1 + math.exp(-max(-40.0, min(40.0, total))))


@dataclass(frozen=True)
class Calibration:
    """What a model card says about confidence, fitted on the calibration studies.

    Args:
        network: probability that the network's point is right.
        prior: probability that the point of registration is right.
        found_from: answers of this confidence and above are "found".
        agree_mm: candidates nearer to each other than this are one place, and the more exact one answers.
    """

    network: Logistic
    prior: Logistic
    found_from: float
    agree_mm: float

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Calibration":
        """Read the card's entry "calibration".

        Raises:
            WeightsError: if it does not fit this version's features.
        """
        try:
            if tuple(data["features"]) != FEATURES:
                raise WeightsError(f"the card's calibration reads {data['features']}, this version {list(FEATURES)}")
            parts = {
                name: Logistic(tuple(data[name]["weights"]), float(data[name]["offset"]))
                for name in ("network", "prior")
            }
            if any(len(part.weights) != len(FEATURES) for part in parts.values()):
                raise WeightsError(f"the card's calibration does not have {len(FEATURES)} weights")
            return cls(found_from=float(data["found_from"]), agree_mm=float(data["agree_mm"]), **parts)
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"the card's calibration cannot be read: {error!r}") from None

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        logistic = {
            name: {"weights": list(part.weights), "offset": part.offset}
            for name, part in (("network", self.network), ("prior", self.prior))
        }
        return {"features": list(FEATURES), **logistic, "found_from": self.found_from, "agree_mm": self.agree_mm}


UNCALIBRATED = Calibration(
    network=Logistic((0.0, 2.0, 0.5, 0.0, -0.3, 0.5, 2.0, 0.0, 0.0, 0.3, 0.0), -1.2),
    prior=Logistic((3.0, 0.0, 0.5, 1.0, -0.8, 0.0, 0.0, 2.0, -0.3, 0.0, 0.0), -0.5),
    found_from=FOUND_FROM,
    agree_mm=6.0,
)
"""Used for weights whose card brings no calibration; tracks then say `calibrated: false`."""
