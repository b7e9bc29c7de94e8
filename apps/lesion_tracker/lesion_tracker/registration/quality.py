"""How well two studies agree after registration, and whether a transform is one that a body can undergo."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from lesion_tracker.arrays import Affine, Hu, Mask
from lesion_tracker.registration.doubts import Doubt

WINDOW_HU = (-1000.0, 400.0)
MIN_VOXELS = 200


@dataclass(frozen=True)
class Limits:
    """What a transform between two states of one body may be; wide, by hand.

    26 right pairs stayed within a stretch of 0.96 to 1.04, a turn of 9 degrees and 8 mm from the slide; of 38 wrong ones 16
    were beyond.

    Args:
        scale: smallest and largest stretch along any direction.
        volume: smallest and largest determinant.
        rotation_deg: largest turn.
        slide_mm: farthest that the middle of the overlap may move away from the slide.
    """

    scale: tuple[float, float] = (0.8, 1.25)
    volume: tuple[float, float] = (0.7, 1.4)
    rotation_deg: float = 25.0
    slide_mm: float = 45.0


LIMITS = Limits()

LEAST = {"overlap": 0.75, "common_mm": 24.0, "local_ncc": 0.59, "mutual_information": 0.24}
"""What two states of one patient usually reach at least; less is a doubt and no refusal.

The local correlation lies between 26 right pairs, two of them and 24 smaller fields cut from these (0.65 and more, mutual
information 0.31 and more), and 60 wrong ones (chests of other patients at most 0.56, chests against abdomens 0.52). Mirror
images are more alike, and are told otherwise (`affine.MIRROR_BELOW`). Two right pairs with cone-beam CTs (0.30) stay below,
and are answered so.
"""


def agreement(
    fixed: Hu, fixed_body: Mask, moved: Hu, moved_body: Mask, seen: Mask, spacing_mm: float
) -> dict[str, float]:
    """Compare two images on one cubic grid.

    Args:
        fixed: HU, shape (z, y, x), without table.
        fixed_body: the body in it.
        moved: the other study, on the same grid.
        moved_body: the body in it.
        seen: where both studies were scanned.
        spacing_mm: edge of a voxel in mm.

    Returns:
        overlap: common body / body of either, within `seen` (Dice, 0 to 1).
        common_mm: extent of the common body along z.
        ncc: correlation of the HU in the common body (-1 to 1).
        local_ncc: the same in windows of about 20 mm, weighted by their contrast (-1 to 1).
        mutual_information: normalised, 0 (nothing in common) to 1 (each tells the other).
    """
    a, b = fixed_body & seen, moved_body & seen
    both = a & b
    total = int(a.sum()) + int(b.sum())
    numbers = {
        "overlap": 2.0 * float(both.sum()) / total if total else 0.0,
        "common_mm": float(np.count_nonzero(both.any(axis=(1, 2)))) * spacing_mm,
        "ncc": 0.0,
        "local_ncc": 0.0,
        "mutual_information": 0.0,
    }
    if int(both.sum()) < MIN_VOXELS:
        return numbers
    f, m = np.clip(fixed, *WINDOW_HU), np.clip(moved, *WINDOW_HU)
    numbers["ncc"] = _correlation(f[both], m[both])
    numbers["local_ncc"] = local_correlation(fixed, moved, both, spacing_mm)
    numbers["mutual_information"] = _mutual_information(f[both], m[both])
    return numbers


def shape_numbers(matrix: Affine) -> dict[str, float]:
    """Return scale_min, scale_max (singular values), volume (determinant) and rotation_deg of a 4x4 matrix."""
    u, stretch, vt = np.linalg.svd(matrix[:3, :3])
    turn = u @ vt
    angle = float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1.0, 1.0))))
    return {
        "scale_min": float(stretch.min()),
        "scale_max": float(stretch.max()),
        "volume": float(np.linalg.det(matrix[:3, :3])),
        "rotation_deg": angle,
    }


def implausible_shape(numbers: dict[str, float], limits: Limits = LIMITS) -> Doubt | None:
    """Return why no body undergoes this transform, or None."""
    low, high = limits.scale
    if numbers["scale_min"] < low:
        told = f"it stretches by {numbers['scale_min']:.2f} to {numbers['scale_max']:.2f}, allowed are {limits.scale}"
        return Doubt("shape", numbers["scale_min"], low, told)
    if numbers["scale_max"] > high:
        told = f"it stretches by {numbers['scale_min']:.2f} to {numbers['scale_max']:.2f}, allowed are {limits.scale}"
        return Doubt("shape", numbers["scale_max"], high, told)
    if not limits.volume[0] <= numbers["volume"] <= limits.volume[1]:
        told = f"it changes the volume by {numbers['volume']:.2f}, allowed are {limits.volume}"
        return Doubt("shape", numbers["volume"], 1.0, told)
    if numbers["rotation_deg"] > limits.rotation_deg:
        told = f"it turns by {numbers['rotation_deg']:.0f} degrees, allowed are {limits.rotation_deg:.0f}"
        return Doubt("shape", numbers["rotation_deg"], limits.rotation_deg, told)
    if numbers.get("from_slide_mm", 0.0) > limits.slide_mm:
        told = f"it leaves the slide by {numbers['from_slide_mm']:.0f} mm, allowed are {limits.slide_mm:.0f}"
        return Doubt("shape", numbers["from_slide_mm"], limits.slide_mm, told)
    return None


def disagreement(numbers: dict[str, float]) -> tuple[Doubt, ...]:
    """Return a doubt for what two states of one patient have more of: likeness, common outline, common extent."""
    found = []
    name = next((n for n in _NAMES if _low(numbers, n)), "")
    if name:
        sentence = (
            f"the studies agree poorly: {_NAMES[name]} {numbers[name]:.2f} where two states of one patient usually have "
            f"{LEAST[name]} or more; are they the same part of the same patient?"
        )
        found.append(Doubt("agreement", numbers[name], LEAST[name], sentence))
    if _low(numbers, "overlap"):
        sentence = (
            f"the outlines of the bodies cover each other by {numbers['overlap']:.2f} where two states of one patient "
            f"usually have {LEAST['overlap']} or more; are they the same part of the same patient?"
        )
        found.append(Doubt("overlap", numbers["overlap"], LEAST["overlap"], sentence))
    if _low(numbers, "common_mm"):
        sentence = (
            f"the studies have {numbers['common_mm']:.0f} mm of the body in common along z; below "
            f"{LEAST['common_mm']:.0f} mm a place along the body is hardly certain"
        )
        found.append(Doubt("common", numbers["common_mm"], LEAST["common_mm"], sentence))
    return tuple(found)


_NAMES = {"local_ncc": "local correlation", "mutual_information": "mutual information"}


def _low(numbers: dict[str, float], name: str) -> bool:
    return numbers[name] < LEAST[name]


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float64) - a.mean(), b.astype(np.float64) - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 0 else 0.0


def local_correlation(fixed: Hu, moved: Hu, both: Mask, spacing_mm: float) -> float:
    """Return the mean correlation in boxes of about 20 mm inside a mask, weighted by the root of their contrast.

    Args:
        fixed: HU, shape (z, y, x).
        moved: the other study, on the same grid.
        both: where both bodies are.
        spacing_mm: edge of a voxel in mm.
    """
    inside, width = both.astype(np.float32), max(3, 2 * round(10.0 / spacing_mm) + 1)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(ndimage.uniform_filter(values * inside, width, mode="constant"))

    share = np.maximum(mean(np.ones_like(inside)), np.float32(1e-6))
    f, m = (np.clip(hu, *WINDOW_HU).astype(np.float32) / 100 for hu in (fixed, moved))
    mean_f, mean_m = mean(f) / share, mean(m) / share
    product = mean(f * m) / share - mean_f * mean_m
    spread_f = np.maximum(mean(f * f) / share - mean_f**2, 0.0) + 0.01  # 10 HU of noise count as nothing
    spread_m = np.maximum(mean(m * m) / share - mean_m**2, 0.0) + 0.01
    scale = np.sqrt(spread_f * spread_m)
    use = both & (share > 0.3)
    weight = np.sqrt(scale)
    total = float(weight[use].sum())
    return float((product / scale * weight)[use].sum()) / total if total > 0 else 0.0


def _mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    """Return mutual information over the smaller entropy, from a 32 x 32 histogram."""
    joint, _, _ = np.histogram2d(a, b, bins=32, range=[WINDOW_HU, WINDOW_HU])
    p = joint / joint.sum()
    h_a, h_b, h_ab = (_entropy(q) for q in (p.sum(axis=1), p.sum(axis=0), p.ravel()))
    return float((h_a + h_b - h_ab) / max(min(h_a, h_b), 1e-9))


def _entropy(p: np.ndarray) -> float:
    q = p[p > 0]
    return float(-(q * np.log(q)).sum())
