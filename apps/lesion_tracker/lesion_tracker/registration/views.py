"""What every method of registration sees of a study: the working image without the table, and the body in it."""

import weakref
from dataclasses import dataclass

import numpy as np

from lesion_tracker.arrays import Affine, Mask
from lesion_tracker.registration.body import body_mask, wipe_outside
from lesion_tracker.registration.working import EMPTY_HU, WorkingImage, sampled, working_image
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
        known = _clean(working_image(volume, AFFINE_SPACING_MM))
        _views[volume] = known
    return known


def view_on(volume: Volume, grid: Grid, volume_from_grid: Affine | None = None) -> View:
    """Return a study on a cubic grid, after the transform `volume_from_grid` (4x4, mm) if one is given."""
    return _clean(sampled(volume, grid, volume_from_grid))


def _clean(image: WorkingImage) -> View:
    body = body_mask(image.hu, image.spacing_mm) & image.seen
    hu = wipe_outside(image.hu, body, EMPTY_HU)
    return View(WorkingImage(hu, image.seen, image.origin_mm, image.spacing_mm), body)


def translation(shift_mm: np.ndarray) -> Affine:
    """Return the 4x4 matrix of a shift."""
    matrix = np.eye(4)
    matrix[:3, 3] = shift_mm
    return matrix
