"""The body in a CT, without the table it lies on, also where the field of view cuts it."""

import numpy as np
from scipy import ndimage

from lesion_tracker.arrays import Hu, Mask

TISSUE_HU = -300.0
"""Everything denser than this is tissue, bone, cloth or table."""

LOWEST_TISSUE_HU = -700.0
"""In values that are not HU (cone-beam CT) the border between gas and tissue is looked for down to here."""

PLATE_MM = 12.0
"""What is thinner than this in an axial slice, once the lungs are filled, is table, cloth or tube."""

SMALL_PART = 0.01
"""A separate part (an arm) stays if it holds at least this share of the largest part."""

LUNG_HU, EMPHYSEMA_HU = -900.0, -960.0
"""Medians of gas. Of 36 studies, whole, halved and cut to 160 mm, lungs had -890 and more, room air -906 and less."""

WALLED, WALLED_GAS = 0.38, 0.3
"""Share of the border of gas that may lie open at the edge of the field: as rare as lung, and with any median.

In the same studies room air was open along 0.42 and more, lungs along 0.37 and less in 19 of 20.
"""

MOST_OF_EDGE = 0.5
"""Gas along more of the field's edge than this is room air, unless it is as dense as lung."""

ALONE = 0.5
"""Lungs cut out of a study are the body where there is less other tissue than this share of them."""


_IN_SLICES = ndimage.generate_binary_structure(3, 1) & (np.arange(3) == 1)[:, None, None]


def body_mask(hu: Hu, spacing_mm: float, seen: Mask | None = None) -> Mask:
    """Mark the body, lungs and bowel gas included, table and cloths excluded.

    The edge of the field of view is a wall: gas that is open there belongs to the body if it is as dense as lung or lies
    in tissue for the most part.

    Args:
        hu: shape (z, y, x), HU, z along the body; cubic voxels.
        spacing_mm: edge of a voxel in mm, at most 8.
        seen: where something was scanned; everywhere if None.

    Returns:
        the mask; all False if there is no body.
    """
    seen = np.ones(hu.shape, dtype=bool) if seen is None else seen
    if not seen.any():
        return seen.copy()
    tissue = (hu > tissue_from(hu[seen])) & seen
    filled = _fill_slices(tissue)
    filled = filled | _inner_gas(hu, seen & ~filled, seen)
    body = _thick(filled, seen, spacing_mm)
    lung = seen & ~tissue & (hu > EMPHYSEMA_HU)
    other = int((body & tissue).sum())
    if other < ALONE * int(lung.sum()):  # most of the time there is less even of the rims, and nothing to be opened
        lung = ndimage.binary_opening(lung, np.ones((3, 3, 3), dtype=bool))  # no rim of partial voxels round a body
    if other < ALONE * int(lung.sum()):
        joined = ndimage.binary_closing(np.pad(lung | tissue, 2), iterations=2)[2:-2, 2:-2, 2:-2]
        body = _large_parts(_fill_slices(joined & seen)) & seen
    return body


def wipe_outside(hu: Hu, body: Mask, empty_hu: float) -> np.ndarray:
    """Return the image with air everywhere but in the body and the voxels that touch it."""
    near = ndimage.binary_dilation(body, _disk(1))
    return np.where(near, hu, np.float32(empty_hu)).astype(np.float32)


def tissue_from(values: np.ndarray) -> float:
    """Return the value from which on voxels are tissue.

    It is `TISSUE_HU` unless the values are not HU: then the emptiest place between gas and tissue, where that holds less
    than half of the voxels at `TISSUE_HU`.
    """
    edges = np.arange(LOWEST_TISSUE_HU - 50.0, TISSUE_HU + 51.0, 25.0)
    count = np.histogram(values, len(edges) - 1, (edges[0], edges[-1]))[0].astype(float)
    smooth = np.convolve(count, np.ones(4) / 4, mode="valid")
    middle = edges[2:-2]
    lowest = int(smooth.argmin())
    return float(middle[lowest]) if smooth[lowest] < 0.5 * smooth[-1] else TISSUE_HU


def _inner_gas(hu: Hu, gas: Mask, seen: Mask) -> Mask:
    """Return which gas at the edge of the field is lung, emphysema, bowel or pneumothorax and not the room's air."""
    labels, count = ndimage.label(gas)
    if count == 0:
        return gas
    faces, open_faces = (np.zeros(count + 1) for _ in range(2))
    for axis in (1, 2):
        for step in (-1, 1):
            inside, beyond = _neighbours(gas, axis, step, False), _neighbours(seen, axis, step, False)
            faces += np.bincount(labels[gas & ~inside], minlength=count + 1)
            open_faces += np.bincount(labels[gas & ~beyond], minlength=count + 1)
    edge = sum(int((seen & ~_neighbours(seen, axis, step, False)).sum()) for axis in (1, 2) for step in (-1, 1))
    inner = ndimage.binary_erosion(gas, np.ones((1, 3, 3)), border_value=1)
    keep = np.zeros(count + 1, dtype=bool)
    for label, where in enumerate(ndimage.find_objects(labels), start=1):
        if open_faces[label] == 0:
            continue
        mine = labels[where] == label
        core = mine & inner[where]
        median = float(np.median(hu[where][core if core.any() else mine]))
        share = open_faces[label] / faces[label]
        walled = share < WALLED_GAS or (share < WALLED and median > EMPHYSEMA_HU)
        keep[label] = median > LUNG_HU or (walled and open_faces[label] < MOST_OF_EDGE * edge)
    return np.asarray(keep[labels])


def _neighbours(mask: Mask, axis: int, step: int, beyond: bool) -> Mask:
    """Return for every voxel what its neighbour along an axis of the array is."""
    moved = np.roll(mask, -step, axis)
    last = [slice(None)] * 3
    last[axis] = slice(-1, None) if step > 0 else slice(0, 1)
    moved[tuple(last)] = beyond
    return moved


def _thick(mask: Mask, seen: Mask, spacing_mm: float) -> Mask:
    """Return what is no plate: an opening in each slice, for which the mask goes on beyond the field of view."""
    radius = max(1, round(PLATE_MM / 2 / spacing_mm))
    disk = _disk(radius)
    padded = np.pad(_carried_on(mask, seen), ((0, 0), (radius, radius), (radius, radius)), mode="edge")
    core = ndimage.binary_opening(padded, disk)[:, radius:-radius, radius:-radius]
    core = _large_parts(core & seen)
    return ndimage.binary_dilation(core, _disk(1)) & mask


def _carried_on(mask: Mask, seen: Mask) -> Mask:
    """Return the mask with what was not scanned as the nearest scanned pixel of its slice."""
    result, last, nearest = mask.copy(), None, None
    for z in np.flatnonzero(seen.any(axis=(1, 2)) & ~seen.all(axis=(1, 2))):
        if last is None or not np.array_equal(seen[z], last):
            last = seen[z]
            nearest = tuple(ndimage.distance_transform_edt(~last, return_distances=False, return_indices=True))
        result[z] = mask[z][nearest]
    return result


def _disk(radius: int) -> np.ndarray:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return ((x * x + y * y) <= radius * radius + 1)[None] if radius > 1 else np.ones((1, 3, 3), dtype=bool)


def _fill_slices(mask: Mask) -> Mask:
    """Fill, slice by slice, what is enclosed."""
    labels, count = ndimage.label(~mask, _IN_SLICES)
    open_ = np.zeros(count + 1, dtype=bool)
    for edge in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        open_[edge] = True
    open_[0] = False
    return np.asarray(~open_[labels])


def _large_parts(mask: Mask) -> Mask:
    """Keep the largest connected part and those not much smaller."""
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= max(1.0, SMALL_PART * sizes.max()))[labels]
