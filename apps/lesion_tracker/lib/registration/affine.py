"""The affine method: elastix at 4 mm, from the slide, on what both studies cover."""

import logging
import time

import numpy as np
from scipy import ndimage

from lib.arrays import Affine
from lib.errors import RegistrationFailed
from lib.registration import engine
from lib.registration.point_map import FollowupFromBaseline
from lib.registration.quality import agreement, shape_numbers
from lib.registration.slide import Slide, shrunk, slides
from lib.registration.views import View, translation, view_of, view_on
from lib.studies.volume import Volume

logger = logging.getLogger(__name__)

PYRAMID = (2, 1)
ITERATIONS = 256
SAMPLES = 2048
TIMEOUT_S = 120.0
MIN_BODY_VOXELS = 500

PARAMETERS = {"pyramid": PYRAMID, "iterations": ITERATIONS, "samples": SAMPLES}


def register_affine(baseline: Volume, followup: Volume) -> FollowupFromBaseline:
    """Find the affine map.

    Args:
        baseline: the earlier study.
        followup: the later study.

    Returns:
        the map; with `fallback` set if only the shift was plausible.

    Raises:
        RegistrationFailed: if neither an affine map nor a shift makes the studies agree.
    """
    started = time.perf_counter()
    fixed, moving = view_of(baseline), view_of(followup)
    for name, view in (("baseline", fixed), ("follow-up", moving)):
        if int(view.body.sum()) < MIN_BODY_VOXELS:
            raise RegistrationFailed(f"no body found in the {name}: {int(view.body.sum())} voxels of 4 mm")
    slide = _slide(fixed, moving)
    slid = time.perf_counter()
    matrix = _elastix(fixed, moving, slide, view_on(followup, fixed.image.grid, translation(slide.shift_mm)))
    done = time.perf_counter()
    answer = _judged(fixed, followup, slide, matrix)
    seconds = {"slide": slid - started, "affine": done - slid, "quality": time.perf_counter() - done}
    return FollowupFromBaseline("affine", answer.matrix, None, answer.quality, seconds, answer.fallback)


def _slide(fixed: View, moving: View) -> Slide:
    found = slides(*shrunk(fixed.image, fixed.body, 2), *shrunk(moving.image, moving.body, 2))
    if not found:
        raise RegistrationFailed(
            "the two bodies fit nowhere: no shift gives them a common part of 24 mm along the body"
        )
    return found[0]


def _elastix(fixed: View, moving: View, slide: Slide, slid: View) -> Affine:
    near = ndimage.binary_dilation(fixed.body, iterations=2) & slid.image.seen & fixed.image.seen
    job = {
        "fixed": fixed.image.hu,
        "moving": moving.image.hu,
        "mask": near.astype(np.uint8),
        "fixed_origin": fixed.image.origin_mm,
        "moving_origin": moving.image.origin_mm - slide.shift_mm,
        "spacing": fixed.image.spacing_mm,
        **PARAMETERS,
    }
    return np.asarray(translation(slide.shift_mm) @ engine.pool().run("affine", job, TIMEOUT_S)["matrix"])


def _judged(fixed: View, followup: Volume, slide: Slide, matrix: Affine) -> FollowupFromBaseline:
    """Return the affine map if it is plausible, else the shift if that is, else raise."""
    quality = {**measured(fixed, followup, matrix), "slide_score": slide.score}
    middle = np.append(fixed.image.grid.lps_from_indices(np.argwhere(fixed.body)[:, ::-1].mean(axis=0)[None])[0], 1.0)
    quality["from_slide_mm"] = float(np.linalg.norm((matrix @ middle - middle)[:3] - slide.shift_mm))
    return FollowupFromBaseline("affine", matrix, None, quality)


def measured(fixed: View, followup: Volume, matrix: Affine) -> dict[str, float]:
    """Return the quality numbers of a matrix on the baseline's view."""
    moved = view_on(followup, fixed.image.grid, matrix)
    seen = fixed.image.seen & moved.image.seen
    numbers = agreement(fixed.image.hu, fixed.body, moved.image.hu, moved.body, seen, fixed.image.spacing_mm)
    return {**numbers, **shape_numbers(matrix)}
