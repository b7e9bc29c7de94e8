"""What readers taught as arrays that training reads: both studies round their lesions, on the network's lattice."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lesion_tracker.arrays import PointsMm, point_mm
from lesion_tracker.errors import InputError
from lesion_tracker.training.learning.taught import TaughtLesion
from lesion_tracker.training.prepared.prepare import prepare_study
from lesion_tracker.training.prepared.prepared_pair import PairedLesion, PreparedPair, read_prepared_pairs
from lesion_tracker.training.prepared.writer import PreparedWriter
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

REACH_MM = 130.0
"""A study is kept this far round its lesions: the widest search reads 96 mm, and training shifts its crops."""


@dataclass(frozen=True, eq=False)
class TaughtPair:
    """One pair of studies with what was taught on it.

    Args:
        pair: prepared; its lesions are those that were taught.
        patient: whose.
        corrected: ids of the lesions that a reader moved; the others were accepted.
    """

    pair: PreparedPair
    patient: str
    corrected: frozenset[str]


def prepare_taught(taught: Sequence[TaughtLesion], read: Callable[[str], Volume], folder: Path) -> list[TaughtPair]:
    """Write the studies of taught lesions as arrays, and map them into memory.

    Args:
        taught: at least one.
        read: gives the volume of a study id.
        folder: must not exist; its names say nothing of patients.

    Returns:
        One entry a pair of studies; a lesion outside its study, and a pair whose studies cannot be read, are left out, each
        with a line in the log.

    Raises:
        FileFormatError: if the folder cannot be written: disk full, read-only.
    """
    by_pair: dict[tuple[str, str], list[TaughtLesion]] = {}
    for lesion in taught:
        by_pair.setdefault((lesion.baseline, lesion.followup), []).append(lesion)
    names: dict[str, list[TaughtLesion]] = {}
    with PreparedWriter(folder, {}) as writer:
        for number, own in enumerate(by_pair.values()):
            name = f"pair_{number}"
            try:
                pair, own = _prepared(name, own, read)
            except InputError as error:
                logger.warning("a pair of studies is left out of training: %s", error)
                continue
            writer.add_pair(pair)
            names[name] = own
    return [_labelled(pair, names[pair.name]) for pair in read_prepared_pairs(folder)]


def _labelled(pair: PreparedPair, taught: Sequence[TaughtLesion]) -> TaughtPair:
    corrected = frozenset(lesion.lesion_id for lesion in taught if lesion.verdict == "corrected")
    return TaughtPair(pair, taught[0].patient, corrected)


def _prepared(
    name: str, taught: Sequence[TaughtLesion], read: Callable[[str], Volume]
) -> tuple[PreparedPair, list[TaughtLesion]]:
    """Return a pair with those of its lesions that lie in both studies, and these."""
    whole = read(taught[0].baseline), read(taught[0].followup)
    inside = [lesion for lesion in taught if _in_both(lesion, whole[0].grid, whole[1].grid)]
    if not inside:
        raise InputError(f"none of its lesions lies in both {taught[0].baseline} and {taught[0].followup}")
    before = np.array([lesion.baseline_mm for lesion in inside])
    after = np.array([lesion.followup_mm for lesion in inside])
    expected = np.array([lesion.expected_mm for lesion in inside])
    baseline = around(whole[0], before, REACH_MM)
    followup = around(whole[1], np.concatenate([after, expected]), REACH_MM)
    pair = PreparedPair(
        name,
        prepare_study(f"{name}_baseline", baseline, [(x.baseline_mm, x.radius_mm) for x in inside]),
        prepare_study(f"{name}_followup", followup, [(x.followup_mm, x.followup_radius_mm) for x in inside]),
        tuple(_paired(lesion) for lesion in inside),
    )
    return pair, inside


def _in_both(lesion: TaughtLesion, baseline: Grid, followup: Grid) -> bool:
    places = {lesion.baseline: (baseline, lesion.baseline_mm), lesion.followup: (followup, lesion.followup_mm)}
    for study, (grid, point) in places.items():
        if not grid.contains(np.array([point]))[0]:
            place = [round(v, 1) for v in point]
            logger.warning("%s is left out of training: %s mm lies outside %s", lesion.lesion_id, place, study)
            return False
    return True


def _paired(lesion: TaughtLesion) -> PairedLesion:
    return PairedLesion(
        lesion.lesion_id,
        point_mm(lesion.baseline_mm),
        lesion.radius_mm,
        point_mm(lesion.followup_mm),
        lesion.followup_radius_mm,
        point_mm(lesion.expected_mm),
    )


def around(volume: Volume, points_mm: PointsMm, reach_mm: float) -> Volume:
    """Return the part of a volume that holds every voxel within `reach_mm` of the points, along its own axes.

    Args:
        volume: in any orientation.
        points_mm: LPS; those outside of the volume are passed over.
        reach_mm: along each axis of the volume.
    """
    inside = points_mm[volume.grid.contains(points_mm)]
    if not len(inside):
        return volume
    index = volume.grid.indices_from_lps(inside)
    reach = reach_mm / volume.grid.spacing_mm
    size = np.array(volume.grid.size)
    low = np.clip(np.floor(index.min(axis=0) - reach).astype(int), 0, size - 1)
    high = np.clip(np.ceil(index.max(axis=0) + reach).astype(int), low, size - 1) + 1
    part = volume.hu[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    matrix = volume.grid.lps_from_index.copy()
    matrix[:3, 3] = volume.grid.lps_from_indices(low[None].astype(np.float64))[0]
    extent = high - low
    return Volume(part, Grid((int(extent[0]), int(extent[1]), int(extent[2])), matrix), volume.warnings)
