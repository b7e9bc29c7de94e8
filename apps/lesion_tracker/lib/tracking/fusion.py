"""Registration's point and the network's point to one answer: together where they agree, the likelier where not."""

from dataclasses import dataclass

import numpy as np

from lib.arrays import PointMm
from lib.tracking.confidence import Calibration, features
from lib.tracking.evidence import Evidence

DISAGREE_MM = 15.0
"""From this distance on an answer says that registration and network disagree."""


@dataclass(frozen=True)
class Fused:
    """One answer from two candidates.

    Args:
        center_mm: LPS of the follow-up.
        confidence: probability that it is right.
        chosen: "registration", "network" or "both".
        note: a sentence for the reader where the two disagree, or "".
    """

    center_mm: PointMm
    confidence: float
    chosen: str
    note: str = ""


def fuse(prior_mm: PointMm, network_mm: PointMm, evidence: Evidence, calibration: Calibration) -> Fused:
    """Choose between the point of a deformable registration and the network's.

    Within `agree_mm` both mean the same place, and registration, which uses every voxel round it, places it more exactly;
    farther apart the likelier one answers.
    """
    values = features(evidence)
    of_network, of_prior = calibration.network.probability(values), calibration.prior.probability(values)
    if evidence.apart_mm <= calibration.agree_mm:
        return Fused(np.asarray(prior_mm), max(of_network, of_prior), "both")
    network = of_network > of_prior
    note = ""
    if evidence.apart_mm >= DISAGREE_MM:
        note = f"registration and network disagree by {evidence.apart_mm:.0f} mm; this is the point of "
        note += "the network" if network else "registration"
    return Fused(
        np.asarray(network_mm if network else prior_mm),
        max(of_network, of_prior),
        "network" if network else "registration",
        note,
    )


def network_alone(network_mm: PointMm, evidence: Evidence, calibration: Calibration) -> Fused:
    """Return the network's point whatever registration says: the paper's tracker."""
    return Fused(np.asarray(network_mm), calibration.network.probability(features(evidence)), "network alone")
