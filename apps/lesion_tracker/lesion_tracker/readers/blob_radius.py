"""The radius of a blob at a click: the scale at which a Laplacian of Gaussian answers best."""

import math

import numpy as np
from numpy import ndarray

from lesion_tracker.arrays import PointMm, point_mm
from lesion_tracker.volumes.volume import Volume

SMALLEST_MM = 3.0
LARGEST_MM = 40.0
DEFAULT_MM = 8.0
"""The answer where nothing stands out: half of the median diameter of clicked lesions, roughly."""

CONTRAST_HU = 400.0
"""Values further than this from the clicked one count as this far: bone and air beyond must not outshine a lesion."""

NOISE_SIGMAS = 5.0
"""An answer counts only beyond this many standard deviations of what noise alone would answer."""

WEAKEST_HU = 5.0
"""A blob with less contrast than this is noise."""

RIVAL = 0.6
"""A smaller blob is taken if it answers at least this strongly, compared with the strongest one."""

NOISE_REACH_MM = 12.0
"""How far round the point the strength of the noise is measured."""

_BIN_MM = 0.5
_REACH = 3.6
"""The kernel is followed out to this many sigmas; beyond lies less than 1 % of it."""

_PEAK_OF_UNIT_BALL = 4.0 * math.pi / (2.0 * math.pi) ** 1.5 * 3.0 * math.sqrt(3.0) * math.exp(-1.5)
"""Answer of the scale-normalised kernel to a ball of contrast 1 at its best scale, sigma = radius / sqrt(3)."""


def estimate_radius(volume: Volume, center_mm: PointMm) -> float:
    """Estimate the radius of the bright or dark blob round a click.

    The scale-normalised Laplacian of Gaussian answers a ball of radius r best at sigma = r / sqrt(3). It is summed
    over shells round the point, in mm, so unequal spacing and oblique axes need no resampling. The click need not
    be the centre: the strongest answer within the blob is looked for.

    Args:
        volume: the study.
        center_mm: the click, LPS mm, inside the study.

    Returns:
        Radius in mm, 3 to 40; 8 where nothing stands out from its surroundings.

    Raises:
        ValueError: for a point that is not three finite numbers.

    Source: Lindeberg, "Feature detection with automatic scale selection", 1998.
    """
    center = point_mm(center_mm)
    clicked_hu = _clicked_hu(volume, center)
    scales = np.geomspace(SMALLEST_MM, LARGEST_MM, 40)
    answers = _answers(volume, center, clicked_hu, scales)
    noise = _noise_answers(volume, center, scales)
    first = _best(np.where(np.abs(answers) > NOISE_SIGMAS * noise, np.abs(answers), 0.0))
    if first is None:
        return DEFAULT_MM
    radius, sign = float(scales[first]), 0.0
    for _ in range(3):
        near = np.geomspace(max(SMALLEST_MM, radius / 1.8), min(LARGEST_MM, radius * 1.8), 25)
        moved, sign = _climb(volume, center, clicked_hu, radius)
        best = int(np.argmax(sign * _answers(volume, moved, clicked_hu, near)))
        center, previous, radius = moved, radius, float(near[best])
        if abs(radius - previous) < 0.05 * previous:
            break
    return radius


def _clicked_hu(volume: Volume, center: PointMm) -> float:
    """Return the median of the 3x3x3 voxels round a point (HU)."""
    index = np.rint(volume.grid.indices_from_lps(center[None])[0]).astype(int)
    index = np.clip(index, 0, np.array(volume.grid.size) - 1)
    i, j, k = (slice(max(0, n - 1), n + 2) for n in index)
    return float(np.median(volume.hu[k, j, i]))


def _best(strength: ndarray) -> int | None:
    """Return the smallest scale at which the answer peaks and can rival the strongest peak."""
    padded = np.concatenate([[0.0], strength, [0.0]])
    peaks = np.flatnonzero((strength >= padded[:-2]) & (strength >= padded[2:]))
    strongest = float(strength[peaks].max())
    if strongest < WEAKEST_HU:
        return None
    return int(peaks[strength[peaks] >= RIVAL * strongest][0])


def _climb(volume: Volume, center: PointMm, clicked_hu: float, radius: float) -> tuple[PointMm, float]:
    """Move to where the blob of this radius answers best, at most its radius away; also return the answer's sign."""
    scale = np.array([radius])
    start, best = center, float(_answers(volume, center, clicked_hu, scale)[0])
    sign = 1.0 if best > 0 else -1.0
    step = radius / 3.0
    while step > max(0.4, radius / 12.0):
        steps = center + step * np.concatenate([np.eye(3), -np.eye(3)])
        steps = steps[np.linalg.norm(steps - start, axis=1) <= radius]
        answers = [sign * float(_answers(volume, point, clicked_hu, scale)[0]) for point in steps]
        if answers and max(answers) > sign * best:
            center, best = steps[int(np.argmax(answers))], sign * max(answers)
        else:
            step /= 2.0
    return center, sign


def _answers(volume: Volume, center: PointMm, clicked_hu: float, radii: ndarray) -> ndarray:
    """Return the answer at each radius as the contrast (HU) that a ball of that radius would need for it.

    Positive: a bright blob. The kernel is -(sigma^2) times the Laplacian of a Gaussian.
    """
    weights = _shell_weights(radii)
    crop, offsets = _crop(volume, center, weights.shape[1] * _BIN_MM)
    values = np.clip(crop - clicked_hu, -CONTRAST_HU, CONTRAST_HU)
    shell, count = _shells(offsets, weights.shape[1])
    seen = np.flatnonzero(count)
    if len(seen) == 0:
        return np.zeros(len(radii))
    total = np.bincount(shell, weights=values.ravel(), minlength=len(count) + 1)[:-1]
    means = np.interp(np.arange(len(count)), seen, total[seen] / count[seen])
    return np.asarray(weights @ means)


def _noise_answers(volume: Volume, center: PointMm, radii: ndarray) -> ndarray:
    """Return the standard deviation (HU) of what independent noise, as strong as that round the point, would answer."""
    weights = _shell_weights(radii)
    crop, _ = _crop(volume, center, NOISE_REACH_MM)
    steps = np.diff(crop, axis=2)
    noise_hu = 1.4826 * float(np.median(np.abs(steps))) / math.sqrt(2.0) if steps.size else 0.0
    _, offsets = _crop(volume, center, weights.shape[1] * _BIN_MM)
    _, count = _shells(offsets, weights.shape[1])
    return noise_hu * np.sqrt((weights**2 / np.maximum(count, 1)).sum(axis=1))


def _shell_weights(radii: ndarray) -> ndarray:
    """Return how much the mean of each shell of 0.5 mm adds to the answer at each radius, shape (radii, shells).

    In closed form: the integral of the kernel over a ball of radius a is 4 pi a^3 times the Gaussian's value at a.
    """
    sigmas = radii[:, None] / math.sqrt(3.0)
    shells = max(8, math.ceil(_REACH * float(sigmas.max()) / _BIN_MM))
    edges = _BIN_MM * np.arange(shells + 1)
    gauss = np.exp(-0.5 * (edges / sigmas) ** 2) / ((2.0 * math.pi) ** 1.5 * sigmas**3)
    return np.asarray(np.diff(4.0 * math.pi * edges**3 * gauss, axis=1) / _PEAK_OF_UNIT_BALL)


def _shells(offsets: list[ndarray], shells: int) -> tuple[ndarray, ndarray]:
    """Return the shell of each voxel (the last number: beyond all) and how many voxels each shell has."""
    distance = np.sqrt(offsets[0] ** 2 + offsets[1] ** 2 + offsets[2] ** 2)
    shell = np.minimum((distance / _BIN_MM).astype(np.int64), shells).ravel()
    return shell, np.bincount(shell, minlength=shells + 1)[:shells]


def _crop(volume: Volume, center: PointMm, reach_mm: float) -> tuple[ndarray, list[ndarray]]:
    """Return the voxels within reach (float32) and the parts of their offsets (mm) along each grid axis."""
    grid = volume.grid
    spacing = grid.spacing_mm
    stride = np.maximum(1, np.floor(reach_mm / 25.0 / spacing)).astype(int)
    middle = grid.indices_from_lps(center[None])[0]
    ranges = []
    for axis in range(3):
        low = max(0, math.ceil(middle[axis] - reach_mm / spacing[axis]))
        high = min(grid.size[axis] - 1, math.floor(middle[axis] + reach_mm / spacing[axis]))
        ranges.append(np.arange(low, max(low, high) + 1, stride[axis]).clip(0, grid.size[axis] - 1))
    crop = volume.hu[np.ix_(ranges[2], ranges[1], ranges[0])].astype(np.float32)
    along = [(r - m) * s for r, m, s in zip(ranges, middle, spacing, strict=True)]
    return crop, [along[2][:, None, None], along[1][None, :, None], along[0][None, None, :]]
