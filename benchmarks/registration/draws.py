"""The pairs of the benchmark: copies of real studies whose truth is known, slabs of them, and wrong pairs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.constructed.pair import ConstructedPair, FollowupChange, construct_followup
from lesion_tracker.arrays import PointsMm
from lesion_tracker.registration.views import view_of
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.volume import Volume

COPIED = ("chest_lidc_0001", "trunk_amos_0336", "abdomen_hcc_006")
WHOLE = ("trunk_amos_0336", "trunk_cc_cervical", "chest_lidc_0001", "abdomen_acrin_001", "abdomen_hcc_006")
CHESTS = ("chest_lung1", "chest_lung2", "chest_aorta", "chest_cmb_crc_01068", "chest_lungfcp_01", "chest_lidc_0001")
ABDOMENS = ("abdomen_example", "abdomen_acrin_001", "liver_crlm_1004", "abdomen_cptac_00189", "abdomen_hcc_006")
OTHER_CHESTS = (
    "chest_lidc_0001",
    "chest_aorta",
    "qin_lsc_0014",
    "qin_lsc_0028",
    "nsclc_rg_r01_001",
    "chest_cmb_crc_01068",
    "qin_lsc_0049",
    "qin_lsc_0055",
    "qin_lsc_0064",
    "lungdx_a0001",
    "lungdx_a0002",
    "tcga_thca_a4ma",
    "chest_acrin_013",
    "acrin_nsclc_042",
    "lungct_diag_r168",
)
MIRRORED = (*OTHER_CHESTS, "chest_lung1", "chest_lung2", "chest_lungfcp_01")
POINTS = 200
OVERLAP = 0.4
"""Share of either study's extent in z that the other covers too."""


@dataclass(frozen=True, eq=False)
class Draw:
    """A pair with known truth.

    Args:
        name: what it is.
        baseline: the earlier study.
        followup: the later one.
        truth: takes LPS points (n, 3) in mm of the baseline to the follow-up.
        back: the other way.
        inside: baseline points in the body that the follow-up covers.
        outside: baseline points in the body that it does not cover; may be empty.
    """

    name: str
    baseline: Volume
    followup: Volume
    truth: Callable[[PointsMm], PointsMm]
    back: Callable[[PointsMm], PointsMm]
    inside: PointsMm
    outside: PointsMm


def volume(folder: Path, name: str) -> Volume:
    """Read one of the studies."""
    return read_volume(folder / f"{name}.nii.gz")


def copy_of(whole: Volume, name: str, rng: np.random.Generator) -> Draw:
    """Draw a copy with everything changed at once, both cut so that 40 % of each is covered by the other."""
    keep = 1.0 / (2.0 - OVERLAP)  # both have this share of the whole, and they lie at its two ends
    upper = bool(rng.integers(2))
    baseline_part, followup_part = ((0.0, keep), (1.0 - keep, 1.0)) if upper else ((1.0 - keep, 1.0), (0.0, keep))
    made = construct_followup(whole, _change(rng, followup_part), rng)
    return _draw(name, cut(whole, *baseline_part), made, rng)


def whole_copy_of(whole: Volume, name: str, rng: np.random.Generator) -> Draw:
    """Draw a copy with everything changed at once, of the same coverage, whose truth is known at many points."""
    return _draw(name, whole, construct_followup(whole, _change(rng, (0.0, 1.0)), rng), rng, 20 * POINTS)


def slab_of(whole: Volume, name: str, thickness_mm: float, rng: np.random.Generator) -> Draw:
    """Draw a slab of a study as the follow-up of the whole of it."""
    low, high = whole.grid.bounds_mm()
    share = thickness_mm / float(high[2] - low[2])
    start = float(rng.uniform(0.05, 0.95 - share))
    made = construct_followup(whole, _change(rng, (start, start + share)), rng)
    return _draw(name, whole, made, rng)


def swapped(draw: Draw) -> Draw:
    """Return the pair the other way round."""
    points = draw.truth(draw.inside)
    return Draw(f"{draw.name} swapped", draw.followup, draw.baseline, draw.back, draw.truth, points, points[:0])


def cut(whole: Volume, start: float, end: float) -> Volume:
    """Return the slices between two shares of the extent, counted from the feet; the third index runs along z."""
    count = whole.grid.size[2]
    if whole.grid.lps_from_index[2, 2] < 0:
        start, end = 1.0 - end, 1.0 - start
    first, last = round(start * count), max(round(end * count), round(start * count) + 1)
    matrix = np.array(whole.grid.lps_from_index)
    matrix[:3, 3] += matrix[:3, 2] * first
    hu = np.ascontiguousarray(whole.hu[first:last])
    return Volume(hu, type(whole.grid)((whole.grid.size[0], whole.grid.size[1], last - first), matrix))


def mirrored(whole: Volume) -> Volume:
    """Return a study whose right is its left."""
    return Volume(np.ascontiguousarray(whole.hu[:, :, ::-1]), whole.grid)


def _change(rng: np.random.Generator, coverage: tuple[float, float]) -> FollowupChange:
    turn, shift = rng.uniform(-5.0, 5.0, 3), rng.uniform(-150.0, 150.0, 3)
    return FollowupChange(
        rotation_deg=(float(turn[0]), float(turn[1]), float(turn[2])),
        shift_mm=(float(shift[0]), float(shift[1]), float(shift[2])),
        deformation_mm=5.0,
        noise_hu=float(rng.uniform(10.0, 30.0)),
        kernel_mm=float(rng.choice([-0.7, 0.8])),
        slice_mm=5.0,
        coverage=coverage,
        table=True,
    )


def _draw(
    name: str, baseline: Volume, made: ConstructedPair, rng: np.random.Generator, points_wanted: int = POINTS
) -> Draw:
    view = view_of(baseline)
    voxels = rng.permutation(np.argwhere(view.body))[:, ::-1][: 40 * POINTS].astype(np.float64)
    points = view.image.grid.lps_from_indices(voxels)
    covered = made.followup.grid.contains(made.followup_from_baseline(points))
    inside, outside = points[covered][:points_wanted], points[~covered][:POINTS]
    maps = (made.followup_from_baseline, made.baseline_from_followup)
    return Draw(name, baseline, made.followup, *maps, inside, outside)
