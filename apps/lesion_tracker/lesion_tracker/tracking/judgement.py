"""Two calibrated numbers about an answer, is it there and is this the place, and the distance within which it lies.

`python -m benchmarks.calibration` fits them; they stand in the card of the weights as "judgement".
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lesion_tracker.errors import WeightsError
from lesion_tracker.tracking.confidence import FEATURES, features, gone
from lesion_tracker.tracking.evidence import Evidence
from lesion_tracker.tracking.joint import Neighbours
from lesion_tracker.tracking.radius import GROUPS, Radii, Radius
from lesion_tracker.tracking.remains import Remains

EVIDENCE = "1: registration round the lesion"
"""Raised whenever a number of the evidence gets another meaning: what was fitted before then says so in the answers."""

NUMBERS = (
    *FEATURES, "odds", "gone", "visible", "amount", "nearby", "emptiness", "change", "left", "missing", "peak", "head",
)  # fmt: skip
"""What can be judged from, by name; see `numbers`."""


def definition() -> str:
    """Return the hash of what the numbers mean."""
    return hashlib.sha256(json.dumps([EVIDENCE, *NUMBERS]).encode()).hexdigest()[:12]


def numbers(evidence: Evidence, share: float, left: Remains, peak: float, head: float | None) -> dict[str, float]:
    """Return NUMBERS of the chosen place.

    Args:
        evidence: about the chosen candidate.
        share: probability of its choice.
        left: of the lesion, at that place.
        peak: the network's highest logit.
        head: the logit of the network's head that says whether the lesion is there; None of weights without it.
    """
    seen = math.log1p(left.visible)
    remaining = min(max(left.nearby, 0.0), 1.0)
    return {
        **dict(zip(FEATURES, features(evidence), strict=True)),
        "odds": _bounded(math.log(max(share, 1e-9) / max(1 - share, 1e-9)), 6.0),
        "gone": gone(evidence),
        "visible": seen,
        "amount": left.amount,
        "nearby": left.nearby,
        "emptiness": left.emptiness,
        "change": left.change,
        "left": remaining * seen,
        "missing": (1 - remaining) * seen,
        "peak": _bounded(peak, 8.0),
        "head": _bounded(head or 0.0, 8.0),
    }


def _bounded(value: float, most: float) -> float:
    return max(-most, min(most, value))


@dataclass(frozen=True)
class Rule:
    """A logistic regression on some of NUMBERS, as they are.

    Args:
        weights: by name.
        offset: added to the weighted sum.
    """

    weights: Mapping[str, float]
    offset: float

    def probability(self, values: Mapping[str, float]) -> float:
        """Return the probability that the numbers of one answer give."""
        total = self.offset + sum(weight * values[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-_bounded(total, 40.0)))


@dataclass(frozen=True)
class Judgement:
    """How evidence becomes two probabilities, a state and a distance.

    Args:
        weights: sha256 of the weights that it was fitted with.
        definition: of the numbers that it was fitted on.
        presence: whether the lesion is there.
        placement: whether the point is right, of a lesion that is there.
        found_from: the least product of both of a found lesion.
        radii: within which lesions lie with 90 %.
        neighbours: how much the other lesions of a patient count.
    """

    weights: str
    definition: str
    presence: Rule
    placement: Rule
    found_from: float
    radii: Radii
    neighbours: Neighbours

    def problem(self, sha256: str) -> str:
        """Return why these numbers are not what was fitted, or "".

        Args:
            sha256: of the weights that answer.
        """
        if self.definition != definition():
            return (
                f"confidence was fitted on other evidence ({self.definition}, now {definition()}) and is not calibrated"
            )
        if self.weights != sha256:
            return f"confidence was fitted for other weights ({self.weights[:12]}, these are {sha256[:12]})"
        return ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Judgement":
        """Read the card's entry "judgement".

        Raises:
            WeightsError: for what this version cannot read.
        """
        try:
            radii = {name: _radius(one) for name, one in data["radii"].items()}
            found = cls(
                str(data["weights"]),
                str(data["definition"]),
                _rule(data["presence"]),
                _rule(data["placement"]),
                float(data["found_from"]),
                Radii(radii),
                Neighbours(**{name: float(value) for name, value in data["neighbours"].items()}),
            )
            for name in GROUPS:
                radii[name]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WeightsError(f"the card's judgement cannot be read: {error!r}") from None
        return found

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            "weights": self.weights,
            "definition": self.definition,
            **{name: asdict(rule) for name, rule in (("presence", self.presence), ("placement", self.placement))},
            "found_from": self.found_from,
            "radii": {
                name: {"radius_mm": one.radius_mm if math.isfinite(one.radius_mm) else None, "lesions": one.lesions}
                for name, one in self.radii.groups.items()
            },
            "neighbours": asdict(self.neighbours),
        }


def _rule(data: Mapping[str, Any]) -> Rule:
    unknown = sorted(set(data["weights"]) - set(NUMBERS))
    if unknown:
        raise ValueError(f"it reads {unknown}, of which this version knows nothing")
    return Rule({name: float(weight) for name, weight in data["weights"].items()}, float(data["offset"]))


def _radius(data: Mapping[str, Any]) -> Radius:
    return Radius(math.inf if data["radius_mm"] is None else float(data["radius_mm"]), int(data["lesions"]))
