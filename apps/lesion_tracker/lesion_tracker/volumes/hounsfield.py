"""Voxel values as a reader finds them → HU in int16 or float32, and what is odd about them."""

import numpy as np

from lesion_tracker.arrays import Hu
from lesion_tracker.errors import StudyError

MAX_VOXELS = 2**30
"""Larger volumes are refused before their voxels are read (2 GiB as int16)."""

LARGEST_HU = 2.0**16
"""More is not stored for metal either."""

AIR_HU = -300
"""Each of 33 real volumes, also cropped ones, holds voxels below -900."""

NON_FINITE_CAUSE = "filled in by a resampling or a division? Replace them by -1024 (air)"


def compact_hu(values: np.ndarray) -> Hu:
    """Return the same numbers in int16 where that is exact, else in float32.

    Args:
        values: shape (z, y, x), any real type.

    Raises:
        StudyError: for NaN, infinite or complex values.
    """
    if values.dtype == np.int16:
        return values
    if values.dtype.kind == "f":
        _refuse_non_finite(values)
        if not _is_whole(values):
            return values.astype(np.float32)
    elif values.dtype.kind not in "iu":
        raise StudyError(f"its voxels are {values.dtype}, not plain numbers: a complex or colour image is no CT")
    limits = np.iinfo(np.int16)
    fits = limits.min <= values.min() and values.max() <= limits.max
    return values.astype(np.int16 if fits else np.float32)


def _refuse_non_finite(values: np.ndarray) -> None:
    finite = np.isfinite(values)
    if not finite.all():
        k, j, i = (int(n) for n in np.argwhere(~finite)[0])
        raise StudyError(
            f"{int((~finite).sum())} of {values.size} voxels are NaN or infinite, the first, {values[k, j, i]}, at "
            f"index (i, j, k) = ({i}, {j}, {k}): {NON_FINITE_CAUSE}"
        )


def _is_whole(values: np.ndarray) -> bool:
    """Slice by slice, so that the first fraction ends it."""
    return all(bool((np.rint(plane) == plane).all()) for plane in values)


def hu_warnings(hu: Hu) -> tuple[str, ...]:
    """Say what makes these values implausible as HU; empty for a normal CT.

    Args:
        hu: shape (z, y, x).
    """
    low, high = float(hu.min()), float(hu.max())
    if low == high:
        return (f"implausible HU: every voxel is {low:g}; an empty export?",)
    if low >= 0 and high <= 255:
        return (f"implausible HU: values span {low:g} to {high:g}; a windowed or normalised picture instead of HU?",)
    if high - low < 100:
        return (f"implausible HU: values span only {low:g} to {high:g}; a normalised picture instead of HU?",)
    if low >= 0 and high > 2000:
        return (f"implausible HU: no voxel is below 0 (values span {low:g} to {high:g}); 0-based? Subtract 1024",)
    if high < -500:
        return (f"implausible HU: no voxel is above -500 (values span {low:g} to {high:g}); nothing but air?",)
    if max(-low, high) > LARGEST_HU:
        return (f"implausible HU: values span {low:g} to {high:g}; damaged, or another quantity?",)
    if low > AIR_HU:
        return (f"implausible HU: no voxel is air (values span {low:g} to {high:g}); windowed, or scaled?",)
    return _shift_warning(hu)


def _shift_warning(hu: Hu) -> tuple[str, ...]:
    """Say where bodies lie 1024 HU beside their values, as files do that were read without, or twice with, an intercept."""
    some = hu[tuple(slice(None, None, max(1, size // 64)) for size in hu.shape)]

    def share(low: int, high: int) -> float:
        return float(((some >= low) & (some <= high)).mean())

    if (above := share(824, 1324)) > 0.25:
        return (f"implausible HU: {above:.0%} of the voxels are 824 to 1324, as dense as bone; shifted? Subtract 1024",)
    below, soft = share(-1224, -924), share(-200, 300)
    if below > 0.1 and soft < 0.02 and share(-1900, -1300) > 0.005:  # what is only padded has one value below -1300
        return (
            f"implausible HU: {below:.0%} of the voxels are -1224 to -924, and {soft:.0%} soft tissue (-200 to 300); "
            "shifted? Add 1024",
        )
    return ()
