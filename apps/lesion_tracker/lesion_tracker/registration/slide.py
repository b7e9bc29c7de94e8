"""The slide: the shift in x, y, z at which two studies of different coverage fit best, over all shifts at once."""

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from lesion_tracker.arrays import PointMm
from lesion_tracker.registration.views import View
from lesion_tracker.registration.working import WorkingImage, block_means

MIN_OVERLAP_MM = 20.0
"""Least extent in z that the studies must have in common."""

MIN_BODY_SHARE = 0.5
"""Least share of the smaller body, within the common slices, that must lie on the other body."""

STRUCTURE_MM = 24.0
"""Bones, vessels, air and organs are what differs from its surroundings over this distance (sigma)."""

STRUCTURE_HU = (-1000.0, 600.0)
LEAST_CONTRAST_HU = 30.0
ORGANS_HU = (-200.0, 300.0)
OUTLINE_HU = (-1000.0, 100.0)


@dataclass(frozen=True)
class Slide:
    """A shift from baseline to follow-up.

    Args:
        shift_mm: follow-up position minus baseline position, LPS mm.
        score: correlation of the overlap at that shift, -1 to 1.
        overlap: share of the smaller body that lies on the other.
    """

    shift_mm: PointMm
    score: float
    overlap: float


def slides(baseline: View, followup: View, count: int = 1) -> list[Slide]:
    """Return the best shifts, best first, at least 24 mm apart in z.

    Args:
        baseline: the earlier study.
        followup: the later one, at the same spacing.
        count: how many to return at most.

    Returns:
        none if no shift gives the bodies `MIN_OVERLAP_MM` in common.
    """
    fixed, moving = baseline.image, followup.image
    shape = tuple(fft.next_fast_len(a + b - 1, real=True) for a, b in zip(fixed.hu.shape, moving.hu.shape, strict=True))
    bodies = _Masked(baseline.body, followup.body, shape)
    common = bodies.count
    organs = bodies.correlation(np.clip(fixed.hu, *ORGANS_HU), np.clip(moving.hu, *ORGANS_HU))
    inside = bodies.correlation(local_structure(baseline), local_structure(followup))
    score = (organs + 2.0 * inside) / 3.0
    whole = 1.0 - max(cut_share(baseline), cut_share(followup))
    if whole > 0:
        fields = _Masked(fixed.seen, moving.seen, shape)
        outline = fields.correlation(np.clip(fixed.hu, *OUTLINE_HU), np.clip(moving.hu, *OUTLINE_HU))
        score = (3.0 * score + whole * outline) / (3.0 + whole)
    spacing = fixed.spacing_mm
    possible = common / np.maximum(_smaller_body(baseline.body, followup.body, shape), 1.0)
    extent = _common_slices(baseline.body, followup.body, shape[0]) * spacing
    allowed = (possible >= MIN_BODY_SHARE) & (extent >= MIN_OVERLAP_MM)[:, None, None]
    score = np.where(allowed, score * _trust(extent)[:, None, None], -1.0)
    found: list[Slide] = []
    apart = int(np.ceil(24.0 / spacing))
    for _ in range(count):
        best = np.unravel_index(int(score.argmax()), score.shape)
        if score[best] <= -1.0:
            break
        lag = np.array([_lag(int(best[a]), shape[a], fixed.hu.shape[a]) for a in range(3)])
        peak = lag + _vertex(score, best)
        shift = moving.origin_mm - fixed.origin_mm + peak[::-1] * spacing
        found.append(Slide(shift, float(score[best]), float(possible[best])))
        near = (np.arange(-apart, apart + 1) + best[0]) % shape[0]
        score[near] = -1.0
    return found


def local_structure(view: View) -> np.ndarray:
    """Return by how many local standard deviations each voxel of the body differs from its surroundings, -3 to 3.

    Neither the scale of the values nor their drift over the field (cone-beam CT) counts, and no outline is needed.
    """
    sigma = STRUCTURE_MM / view.image.spacing_mm
    inside = view.body.astype(np.float32)
    share = np.maximum(ndimage.gaussian_filter(inside, sigma), 1e-3)

    def surroundings(values: np.ndarray) -> np.ndarray:
        return np.asarray(ndimage.gaussian_filter(values * inside, sigma) / share)

    hu = np.clip(view.image.hu, *STRUCTURE_HU)
    differs = hu - surroundings(hu)
    spread = np.sqrt(np.maximum(surroundings(differs * differs), 0.0) + LEAST_CONTRAST_HU**2)
    return np.asarray(np.clip(differs / spread, -3.0, 3.0) * inside)


def cut_share(view: View) -> float:
    """Return along which share of its outline in the slices a body is cut by the field of view: 0 seen whole, 1 not at all."""
    body, seen = np.pad(view.body, 1), np.pad(view.image.seen, 1)
    outline = cut = 0
    for axis in (1, 2):
        for step in (-1, 1):
            ends = body & ~np.roll(body, step, axis)
            outline += int(ends.sum())
            cut += int((ends & ~np.roll(seen, step, axis)).sum())
    return cut / outline if outline else 0.0


def _lag(index: int, size: int, baseline_size: int) -> int:
    """Take a position in the circular correlation to followup index minus baseline index."""
    return index - size if index > size - baseline_size else index


def _vertex(score: np.ndarray, at: tuple[np.intp, ...]) -> np.ndarray:
    """Return the sub-voxel offset of a peak along z, y, x by a parabola through its neighbours."""
    offset = np.zeros(3)
    for axis in range(3):
        values = [
            score[tuple((at[a] + (d if a == axis else 0)) % score.shape[a] for a in range(3))] for d in (-1, 0, 1)
        ]
        bend = values[0] - 2 * values[1] + values[2]
        if min(values) > -1.0 and bend < 0:
            offset[axis] = np.clip(0.5 * (values[0] - values[2]) / bend, -0.5, 0.5)
    return offset


def _trust(extent_mm: np.ndarray) -> np.ndarray:
    """Weigh a correlation by the extent it was taken over: a thin overlap fits many places."""
    return 1.0 - 0.35 * np.exp(-extent_mm / 40.0)


class _Masked:
    """Normalised correlations at every lag under two masks, whose transforms are made once.

    Source: D. Padfield, Masked object registration in the Fourier domain, IEEE TIP 21 (2012). In float32: sums of a
    million values of size 1 are exact to a tenth, and lags with little in common are not asked for.

    Args:
        fixed: bool, what counts of the one, shape (z, y, x).
        moving: of the other, of any shape.
        size: of the transforms.
    """

    def __init__(self, fixed: np.ndarray, moving: np.ndarray, size: tuple[int, ...]) -> None:
        self._fixed, self._moving, self._size = fixed, moving, size
        self._f_mask, self._g_mask = (fft.rfftn(m.astype(np.float32), size, workers=2) for m in (fixed, moving))
        self.count = np.maximum(self._at_all_lags(self._f_mask, self._g_mask), 0.0)

    def correlation(self, fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
        """Return the correlation of two images at every lag, -1 to 1."""
        known = fixed[self._fixed]
        mean, spread = (float(known.mean()), max(float(known.std()), 1e-3)) if known.size else (0.0, 1.0)
        f = np.where(self._fixed, (fixed - mean) / spread, 0.0).astype(np.float32)
        g = np.where(self._moving, (moving - mean) / spread, 0.0).astype(np.float32)
        f1, g1, f2, g2 = (fft.rfftn(a, self._size, workers=2) for a in (f, g, f * f, g * g))
        safe = np.maximum(self.count, 1.0)
        sum_f, sum_g = self._at_all_lags(f1, self._g_mask), self._at_all_lags(self._f_mask, g1)
        product = self._at_all_lags(f1, g1) - sum_f * sum_g / safe
        spread_f = self._at_all_lags(f2, self._g_mask) - sum_f**2 / safe
        spread_g = self._at_all_lags(self._f_mask, g2) - sum_g**2 / safe
        scale = np.sqrt(np.maximum(spread_f, 0.0) * np.maximum(spread_g, 0.0))
        ncc = np.where(scale > 1e-3 * safe, product / np.maximum(scale, 1e-9), 0.0)
        return np.clip(ncc, -1.0, 1.0)

    def _at_all_lags(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return sum over p of a(p) b(p + lag) from the transforms of a and b."""
        return np.asarray(fft.irfftn(np.conj(a) * b, self._size, workers=2))


def _smaller_body(baseline_body: np.ndarray, followup_body: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Return for every lag in z the voxels of the body that is smaller within the common slices; shape (z, 1, 1)."""
    a, b = (m.sum(axis=(1, 2)).astype(float) for m in (baseline_body, followup_body))
    fa, fb = fft.rfft(a, size[0]), fft.rfft(b, size[0])
    ones_a, ones_b = fft.rfft(np.ones_like(a), size[0]), fft.rfft(np.ones_like(b), size[0])
    of_a = fft.irfft(np.conj(fa) * ones_b, size[0])
    of_b = fft.irfft(np.conj(ones_a) * fb, size[0])
    return np.minimum(of_a, of_b)[:, None, None]


def _common_slices(baseline_body: np.ndarray, followup_body: np.ndarray, size: int) -> np.ndarray:
    """Return for every lag in z how many slices hold both bodies."""
    a, b = (m.any(axis=(1, 2)).astype(float) for m in (baseline_body, followup_body))
    return np.round(fft.irfft(np.conj(fft.rfft(a, size)) * fft.rfft(b, size), size))


def shrunk(view: View, factor: int) -> View:
    """Return a view at a multiple of its spacing (means of blocks)."""
    image = view.image
    shape = tuple(-(-n // factor) for n in image.hu.shape)
    pad = [(0, s * factor - n) for s, n in zip(shape, image.hu.shape, strict=True)]
    blocks = (factor, factor, factor)
    hu = block_means(np.pad(image.hu, pad, mode="edge"), blocks)
    seen = block_means(np.pad(image.seen.astype(np.float32), pad), blocks) > 0.5
    body = block_means(np.pad(view.body.astype(np.float32), pad), blocks) > 0.5
    origin = image.origin_mm + (factor - 1) / 2 * image.spacing_mm
    wide = WorkingImage(hu, seen, origin, image.spacing_mm * factor)
    return View(wide, ndimage.binary_dilation(body) & seen)
