"""What speaks for each candidate, as named numbers: the only thing that choice and confidence are made from."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.tracking.candidates import APART_MM, Candidate, local_linear
from lesion_tracker.tracking.case import Case
from lesion_tracker.tracking.core import compare_cores
from lesion_tracker.tracking.search import NetworkAnswer
from lesion_tracker.tracking.similarity import similarity_at

STRAIN_MM = 8.0
"""The strain is measured over this distance to either side."""


@dataclass(frozen=True)
class Evidence:
    """Numbers about one candidate.

    Args:
        registered: 1 for the point of registration, else 0.
        similarity: correlation of the lesion's surroundings with those of the candidate.
        lead: how much higher that is than at the best other candidate, at least 10 mm away; negative if lower.
        logit: the network's, near the candidate; -20 where it did not look.
        gap: how much lower that is than its highest peak.
        mass: the network's probability near the candidate.
        apart_mm: from the point of registration.
        from_network_mm: from the network's highest peak.
        from_alignment_mm: from the best-fitting place of the surroundings.
        lost: share of the lesion's contrast that is gone there.
        lost_hu: the same in HU.
        contrast_hu: of the lesion in the baseline.
        changed_hu: difference of the lesion's HU.
        texture: correlation of the lesion and its rim.
        rim: correlation of its rim alone.
        strain: by how much registration stretches and turns the lesion's place against its affine part.
        shifted_mm: from the affine part's point to the point of registration.
        warped: correlation of the surroundings as the registration bends them, at its own point.
        inside: share of the surroundings that both studies hold, at the point of registration.
        registration: local correlation after registration, of the whole pair or, where it was registered so, of the crop.
        radius_mm: of the lesion, as expected in the follow-up.
    """

    registered: float
    similarity: float
    lead: float
    logit: float
    gap: float
    mass: float
    apart_mm: float
    from_network_mm: float
    from_alignment_mm: float
    lost: float
    lost_hu: float
    contrast_hu: float
    changed_hu: float
    texture: float
    rim: float
    strain: float
    shifted_mm: float
    warped: float
    inside: float
    registration: float
    radius_mm: float

    def values(self) -> dict[str, float]:
        """Return the numbers under their names."""
        return {name: float(value) for name, value in asdict(self).items()}


def gather(case: Case, candidates: Sequence[Candidate], answer: NetworkAnswer) -> list[Evidence]:
    """Gather what speaks for each candidate of one lesion.

    Args:
        case: the lesion.
        candidates: the point of registration first.
        answer: of the network.
    """
    expected = candidates[0].center_mm
    warped, inside = similarity_at(case, expected)
    aligned = max(candidates, key=lambda one: one.similarity).center_mm
    affine = case.linear @ case.center_mm + case.registration.matrix[:3, 3]
    local = local_linear(case.registration, case.center_mm, STRAIN_MM)
    strain = float(np.linalg.norm(local @ np.linalg.inv(case.linear) - np.eye(3)))
    quality = case.registration.quality
    found = []
    cores = compare_cores(case, np.array([candidate.center_mm for candidate in candidates]))
    for candidate, core in zip(candidates, cores, strict=True):
        logit, mass = answer.scores.at(candidate.center_mm) if answer.scores is not None else (-20.0, 0.0)
        found.append(
            Evidence(
                registered=float(candidate is candidates[0]),
                similarity=candidate.similarity,
                lead=_lead(candidate, candidates),
                logit=logit,
                gap=answer.logit - logit,
                mass=mass,
                apart_mm=_distance(candidate.center_mm, expected),
                from_network_mm=_distance(candidate.center_mm, answer.center_mm),
                from_alignment_mm=_distance(candidate.center_mm, aligned),
                **asdict(core),
                strain=strain,
                shifted_mm=_distance(expected, affine),
                warped=warped,
                inside=inside,
                registration=quality.get("crop_ncc", quality.get("local_ncc", 0.0)),
                radius_mm=case.radius_mm * case.registration.radius_scale,
            )
        )
    return found


def _lead(candidate: Candidate, candidates: Sequence[Candidate]) -> float:
    others = [o.similarity for o in candidates if _distance(o.center_mm, candidate.center_mm) >= APART_MM]
    return candidate.similarity - max(others, default=0.0)


def _distance(one: PointMm, other: PointMm) -> float:
    return float(np.linalg.norm(np.asarray(one) - np.asarray(other)))
