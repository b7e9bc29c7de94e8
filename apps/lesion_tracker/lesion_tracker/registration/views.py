"""What every method of registration sees of a study: the working image without the table, and the body in it."""

import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from lesion_tracker.arrays import Affine, Mask
from lesion_tracker.registration.body import body_mask, wipe_outside
from lesion_tracker.registration.working import EMPTY_HU, WorkingImage, interpolated, sampled, working_image
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

AFFINE_SPACING_MM = 4.0


@dataclass(frozen=True, eq=False)
class View:
    """A study as registration sees it.

    Args:
        image: without the table.
        body: the body in it.
    """

    image: WorkingImage
    body: Mask


_views: "weakref.WeakKeyDictionary[Volume, View]" = weakref.WeakKeyDictionary()


def view_of(volume: Volume) -> View:
    """Return the whole study at 4 mm; remembered as long as the volume lives."""
    known = _views.get(volume)
    if known is None:
        image = working_image(volume, AFFINE_SPACING_MM)
        known = _wiped(image, body_mask(image.hu, image.spacing_mm, image.seen) & image.seen)
        _views[volume] = known
    return known


def two_views(first: Callable[[], View], second: Callable[[], View]) -> tuple[View, View]:
    """Return what two calls return, made beside each other: most of their work is done without Python's lock."""
    with ThreadPoolExecutor(1) as beside:
        other = beside.submit(second)
        return first(), other.result()


def view_on(volume: Volume, grid: Grid, volume_from_grid: Affine | None = None, *, wiped: bool = True) -> View:
    """Return a study on a cubic grid, after the transform `volume_from_grid` (4x4, mm) if one is given.

    What is not body is wiped, unless the image is asked for as it was scanned.
    The body is that of the whole study: in a part of it, lungs and table cannot be told from what is round them.
    """
    whole = view_of(volume)
    matrix = np.eye(4) if volume_from_grid is None else volume_from_grid
    index = np.linalg.inv(whole.image.grid.lps_from_index) @ matrix @ grid.lps_from_index  # (x, y, z)
    body = interpolated(whole.body.astype(np.float32), index, grid.shape)
    image = sampled(volume, grid, volume_from_grid)
    inside = (body > 0.5) & image.seen
    return _wiped(image, inside) if wiped else View(image, inside)


def _wiped(image: WorkingImage, body: Mask) -> View:
    hu = wipe_outside(image.hu, body, EMPTY_HU)
    return View(WorkingImage(hu, image.seen, image.origin_mm, image.spacing_mm), body)


def translation(shift_mm: np.ndarray) -> Affine:
    """Return the 4x4 matrix of a shift."""
    matrix = np.eye(4)
    matrix[:3, 3] = shift_mm
    return matrix
