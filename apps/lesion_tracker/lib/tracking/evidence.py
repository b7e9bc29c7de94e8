"""What speaks for an answer, as named numbers: the only thing that confidence is made from."""

from dataclasses import asdict, dataclass

import numpy as np

from lib.arrays import PointMm
from lib.registration.point_map import FollowupFromBaseline
from lib.tracking.pair import Pair
from lib.tracking.search import NetworkAnswer
from lib.tracking.similarity import patch_points, patch_similarity, shifted_map


@dataclass(frozen=True)
class Evidence:
    """Numbers about the two candidates of a lesion, the point of registration and the point of the network.

    Args:
        prior_similarity: correlation of the lesion's surroundings with those at the point of registration.
        network_similarity: the same at the network's point.
        inside: share of the lesion's surroundings that both studies hold, at the point of registration.
        registration: local correlation of the whole registration.
        apart_mm: distance between the two candidates.
        logit: of the network's peak.
        mass: the network's probability near its own peak.
        prior_mass: the network's probability near the point of registration.
        prior_gap: how much lower than the peak the network's logit near the point of registration is.
        rival_gap: how much lower than the peak the next-highest peak is.
        radius_mm: of the lesion, as expected in the follow-up.
    """

    prior_similarity: float
    network_similarity: float
    inside: float
    registration: float
    apart_mm: float
    logit: float
    mass: float
    prior_mass: float
    prior_gap: float
    rival_gap: float
    radius_mm: float

    def values(self) -> dict[str, float]:
        """Return the numbers under their names."""
        return {name: float(value) for name, value in asdict(self).items()}


def similarity_at(
    pair: Pair, registration: FollowupFromBaseline, center_mm: PointMm, radius_mm: float, answer_mm: PointMm
) -> tuple[float, float]:
    """Return how alike a lesion's surroundings are at `answer_mm` (correlation), and the share that both studies hold."""
    points = patch_points(center_mm, radius_mm)
    mapped = shifted_map(registration, center_mm, answer_mm, points)
    return patch_similarity(pair.baseline, pair.followup, points, mapped)


def gather(
    pair: Pair,
    registration: FollowupFromBaseline,
    center_mm: PointMm,
    radius_mm: float,
    expected_mm: PointMm,
    answer: NetworkAnswer,
) -> Evidence:
    """Gather what speaks for the two candidates of one lesion."""
    prior, inside = similarity_at(pair, registration, center_mm, radius_mm, expected_mm)
    network, _ = similarity_at(pair, registration, center_mm, radius_mm, answer.center_mm)
    return Evidence(
        prior_similarity=prior,
        network_similarity=network,
        inside=inside,
        registration=registration.quality.get("local_ncc", 0.0),
        apart_mm=float(np.linalg.norm(np.asarray(answer.center_mm) - np.asarray(expected_mm))),
        logit=answer.logit,
        mass=answer.mass,
        prior_mass=answer.prior_mass,
        prior_gap=answer.logit - answer.prior_logit,
        rival_gap=answer.logit - answer.rival_logit,
        radius_mm=radius_mm * registration.radius_scale,
    )
