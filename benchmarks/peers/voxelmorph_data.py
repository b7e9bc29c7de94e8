"""What VoxelMorph learns from: crops of one study and of its deformed copy, as they are after an affine registration."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional as F

from benchmarks.accuracy.data import CALIBRATION, FINAL
from benchmarks.peers.voxelmorph_net import SPACING_MM
from lesion_tracker.arrays import PointsMm
from lesion_tracker.errors import FileFormatError
from lesion_tracker.registration.views import view_on
from lesion_tracker.registration.working import EMPTY_HU, cubic_grid, grid_of_box
from lesion_tracker.training.examples.appearance import Appearance, apply_appearance, random_appearance
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.examples.warp import Warp, moving_region, pose, random_bumps
from lesion_tracker.training.prepared.prepared_study import PreparedStudy, read_index, read_prepared
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.resample import sample_at_index

NEVER = (*FINAL, "acrin_baseline", "acrin_followup", "lung4dct_t0", "lung4dct_t5")
"""Volumes of the benchmark, in whatever folder they lie."""

CROP_VOXELS = (48, 48, 64)
"""Along z, y, x; the network itself takes whole bodies."""

BASE_MM = 2.0
"""Studies are kept so fine, averaged over 4 mm, so that a crop of 4 mm may begin anywhere."""

ANGLES_DEG, LARGEST_SCALE = 3.0, 1.04
"""What an affine registration leaves of the pose at worst."""

BENT_PARTS, BENT_REACH_MM, BENT_MM = 4, 60.0, 8.0
MOVING, MOVING_MM = 0.25, (10.0, 30.0)
"""Share of the pairs with a region that moved by itself, and how far."""

NOISE_HU = (2.0, 15.0)
LEAST_VOLUME_CHANGE = 0.2


@dataclass(frozen=True, eq=False)
class BaseStudy:
    """A study without its table.

    Args:
        name: of the volume.
        hu: int16, (z, y, x), cubic voxels of `BASE_MM`, `EMPTY_HU` outside the body.
        grid: of it.
        body_mm: some thousand places in the body, LPS mm.
    """

    name: str
    hu: np.ndarray
    grid: Grid
    body_mm: PointsMm


@dataclass(frozen=True, eq=False)
class Crops:
    """A pair on one grid.

    Args:
        fixed: the baseline, (z, y, x), HU.
        moving: the follow-up after a registration that was not perfect.
        grid: of both.
        warp: baseline from follow-up, LPS mm.
    """

    fixed: torch.Tensor
    moving: torch.Tensor
    grid: Grid
    warp: Warp

    def true_shift(self, baseline_mm: PointsMm) -> PointsMm:
        """Return where points of the baseline lie in the follow-up minus where they are, mm."""
        return self.warp.inverse(baseline_mm) - baseline_mm


def read_studies(folder: Path) -> tuple[list[PreparedStudy], list[PreparedStudy], np.ndarray]:
    """Read what `main.py prepare` wrote.

    Returns:
        Studies to learn from, studies to validate on, and measured errors of registration (n, 3) in mm.

    Raises:
        FileFormatError: if the folder holds none, or none but those that are held out.
    """
    index = read_index(folder)
    names = [entry["name"] for entry in index.get("studies", [])]
    used = [name for name in names if name not in (*NEVER, *CALIBRATION)]
    if not used:
        raise FileFormatError(f"{folder} holds no study to learn from, only {names}: the benchmark holds these out")
    held_out = [name for name in CALIBRATION if name in names]
    errors = np.array(index.get("registration_errors_mm", []), dtype=np.float64).reshape(-1, 3)
    return read_prepared(folder, used), read_prepared(folder, held_out), errors


def base_study(study: PreparedStudy) -> BaseStudy:
    """Return a prepared study as registration sees it, without the table.

    Raises:
        FileFormatError: if there is no body in it.
    """
    grid = grid_of_box(*study.volume.grid.bounds_mm(), BASE_MM)
    view = view_on(study.volume, grid)
    where = np.argwhere(view.body)
    if len(where) == 0:
        raise FileFormatError(f"prepared study {study.name!r} shows no body")
    places = where[np.random.default_rng(0).integers(len(where), size=4000), ::-1].astype(np.float64)
    smooth = ndimage.uniform_filter(view.image.hu, round(SPACING_MM / BASE_MM))
    hu = np.where(view.image.hu > EMPTY_HU, smooth, EMPTY_HU)
    return BaseStudy(study.name, np.round(hu).astype(np.int16), grid, grid.lps_from_indices(places))


def draw_crops(
    studies: Sequence[BaseStudy],
    errors: RegistrationErrors,
    rng: np.random.Generator,
    voxels: tuple[int, int, int] = CROP_VOXELS,
) -> Crops:
    """Draw a pair.

    Args:
        studies: to draw from, large ones more often.
        errors: by which the affine missed.
        rng: the only source of randomness.
        voxels: of the crops along z, y, x.

    Raises:
        ValueError: if 50 deformations in a row fold.
    """
    weights = np.array([study.hu.size for study in studies], dtype=np.float64) ** 0.5
    study = studies[rng.choice(len(studies), p=weights / weights.sum())]
    grid = _crop_grid(study, rng, voxels)
    warp = _unfolded(grid, study, errors, rng)
    fixed = _seen(_sampled(study, grid, None), grid, rng)
    moving = _seen(_sampled(study, grid, warp), grid, rng)
    return Crops(fixed, moving, grid, warp)


def mirrored(crops: Crops, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both images mirrored along axes that are drawn: to match them is the same task."""
    axes = [axis for axis in range(3) if rng.random() < 0.5]
    return crops.fixed.flip(axes), crops.moving.flip(axes)


def _crop_grid(study: BaseStudy, rng: np.random.Generator, voxels: tuple[int, int, int]) -> Grid:
    """Return a grid round a place in the body, shifted into the study as far as it fits."""
    count = np.array(voxels[::-1])
    half = (count - 1) * SPACING_MM / 2
    low, high = study.grid.bounds_mm()
    room = np.maximum((high - low) / 2 - half, 0.0)
    middle = study.body_mm[rng.integers(len(study.body_mm))] + rng.uniform(-20, 20, 3)
    middle = np.clip(middle, (low + high) / 2 - room, (low + high) / 2 + room)
    return cubic_grid(middle - half, count, SPACING_MM)


def _unfolded(grid: Grid, study: BaseStudy, errors: RegistrationErrors, rng: np.random.Generator) -> Warp:
    low, high = grid.bounds_mm()
    for _ in range(50):
        warp = _warp(low, high, study, errors, rng)
        if warp.volume_change(rng.uniform(low, high, (300, 3))).min() > LEAST_VOLUME_CHANGE:
            return warp
    raise ValueError("50 deformations in a row folded")


def _warp(
    low: np.ndarray, high: np.ndarray, study: BaseStudy, errors: RegistrationErrors, rng: np.random.Generator
) -> Warp:
    scale = float(np.exp(rng.uniform(-1, 1) * np.log(LARGEST_SCALE)))
    affine = pose((low + high) / 2, rng.uniform(-1, 1, 3) * ANGLES_DEG, scale)
    affine[:3, 3] += errors.draw(rng)
    places = rng.uniform(low, high, (BENT_PARTS, 3))
    bumps = [bump for place in places for bump in random_bumps(rng, place, BENT_REACH_MM, BENT_MM)]
    if rng.random() < MOVING:
        bumps.append(moving_region(rng, study.body_mm[rng.integers(len(study.body_mm))].clip(low, high), *MOVING_MM))
    return Warp(affine, tuple(bumps))


def _sampled(study: BaseStudy, grid: Grid, warp: Warp | None) -> torch.Tensor:
    """Return a study's HU on a grid, carried on beyond its ends along z as registration does."""
    positions = _positions(grid, warp)
    matrix = torch.from_numpy(np.linalg.inv(study.grid.lps_from_index)).float()
    index = positions @ matrix[:3, :3].T + matrix[:3, 3]
    index[..., 2].clamp_(0, study.hu.shape[0] - 1)
    return sample_at_index(study.hu, index, EMPTY_HU)


def _positions(grid: Grid, warp: Warp | None) -> torch.Tensor:
    """Return where each voxel lies in the study, (z, y, x, 3) LPS mm: exact at about every other one, linear between."""
    steps = [np.linspace(0, n - 1, n // 2 + 1) for n in grid.shape]
    k, j, i = np.meshgrid(*steps, indexing="ij")
    points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))
    coarse = torch.from_numpy((points if warp is None else warp(points)).reshape(*k.shape, 3))
    fine = F.interpolate(coarse.permute(3, 0, 1, 2)[None].float(), grid.shape, mode="trilinear", align_corners=True)
    return fine[0].permute(1, 2, 3, 0)


def _seen(hu: torch.Tensor, grid: Grid, rng: np.random.Generator) -> torch.Tensor:
    """Return a crop as one scan would show it; what is averaged over 4 mm knows less noise and no thick slices."""
    look: Appearance = replace(random_appearance(rng), slices=1, first_slice=0, noise_hu=float(rng.uniform(*NOISE_HU)))
    seen = apply_appearance(hu, SPACING_MM, float(grid.origin_mm[2]), look, int(rng.integers(2**31)))
    return torch.where(hu > EMPTY_HU + 1, seen.clamp_min(EMPTY_HU), EMPTY_HU)
