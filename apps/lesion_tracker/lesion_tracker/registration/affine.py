"""The affine method: elastix at 4 mm, from the slide, on what both studies cover."""

import logging
import time
from dataclasses import replace

import numpy as np
from scipy import ndimage

from lesion_tracker.arrays import Affine
from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.registration import process_pool
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.registration.quality import agreement, disagreement, implausible_shape, shape_numbers
from lesion_tracker.registration.slide import MIN_OVERLAP_MM, Slide, shrunk, slides
from lesion_tracker.registration.views import View, translation, view_of, view_on
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

SHRINK = 2
"""The slide looks at voxels that many times larger: 8 mm."""

PYRAMID = (2, 1)
ITERATIONS = 256
SAMPLES = 2048
TIMEOUT_S = 300.0
MIN_BODY_VOXELS = 500
REACH_MM = 40.0
"""How far beyond the common part elastix may look in the follow-up."""

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
            raise RegistrationFailed(
                f"no body found in the {name}: {int(view.body.sum())} voxels of 4 mm belong to one; is it a CT in HU?"
            )
    slide = _slide(fixed, moving)
    slid = time.perf_counter()
    seconds = {"slide": slid - started}
    matrix, fault = _elastix(fixed, moving, slide, view_on(followup, fixed.image.grid, translation(slide.shift_mm)))
    done = time.perf_counter()
    seconds["affine"] = done - slid
    answer = _judged(fixed, followup, slide, matrix, fault)
    seconds["quality"] = time.perf_counter() - done
    return replace(answer, seconds=seconds)


def _slide(fixed: View, moving: View) -> Slide:
    found = slides(shrunk(fixed, SHRINK), shrunk(moving, SHRINK))
    if not found:
        raise RegistrationFailed(
            f"the two bodies fit nowhere: no shift gives them {MIN_OVERLAP_MM:.0f} mm in common along the body; are "
            "they studies of different parts of the body?"
        )
    return found[0]


def _elastix(fixed: View, moving: View, slide: Slide, slid: View) -> tuple[Affine, str]:
    """Return the matrix that elastix found, or that of the slide and why elastix found none."""
    near = ndimage.binary_dilation(fixed.body, iterations=2) & slid.image.seen & fixed.image.seen
    shift = translation(slide.shift_mm)
    planes = np.flatnonzero(near.any(axis=(1, 2)))
    if len(planes) == 0:
        return shift, "the shift leaves nothing in common"
    first, last = max(int(planes[0]) - 2, 0), int(planes[-1]) + 3
    spacing, moving_origin = fixed.image.spacing_mm, moving.image.origin_mm - slide.shift_mm
    fixed_origin = fixed.image.origin_mm + np.array([0.0, 0.0, first * spacing])
    below = int(max((fixed_origin[2] - REACH_MM - moving_origin[2]) // spacing, 0))
    above = int((fixed_origin[2] + (last - first) * spacing + REACH_MM - moving_origin[2]) // spacing) + 1
    job = {
        "fixed": fixed.image.hu[first:last],
        "moving": moving.image.hu[below:above],
        "mask": near[first:last].astype(np.uint8),
        "fixed_origin": fixed_origin,
        "moving_origin": moving_origin + np.array([0.0, 0.0, below * spacing]),
        "spacing": spacing,
        **PARAMETERS,
    }
    try:
        return np.asarray(shift @ process_pool.pool().run("affine", job, TIMEOUT_S)["matrix"]), ""
    except RegistrationFailed as error:
        return shift, str(error)


def _judged(fixed: View, followup: Volume, slide: Slide, matrix: Affine, fault: str) -> FollowupFromBaseline:
    """Return the affine map if it is plausible, else the shift if that is, else raise."""
    quality = _measured(fixed, followup, slide, matrix)
    reason = fault or implausible_shape(quality) or disagreement(quality)
    if not reason:
        return FollowupFromBaseline("affine", matrix, None, quality)
    shift = translation(slide.shift_mm)
    of_shift = quality if fault else _measured(fixed, followup, slide, shift)
    if fault or implausible_shape(quality):
        logger.info("the affine map is implausible (%s): trying the shift alone", reason)
        if not disagreement(of_shift):
            return FollowupFromBaseline("affine", shift, None, of_shift, fallback=f"translation only: {reason}")
    raise RegistrationFailed(
        f"the studies could not be aligned: {reason} ({_told(quality)}; shift alone: {_told(of_shift)}); are they the "
        "same part of the same patient?"
    )


def _told(quality: dict[str, float]) -> str:
    names = ("overlap", "common_mm", "local_ncc", "mutual_information", "slide_score")
    return ", ".join(f"{name} {quality[name]:.2f}" for name in names)


def _measured(fixed: View, followup: Volume, slide: Slide, matrix: Affine) -> dict[str, float]:
    """Return the quality numbers of a matrix on the baseline's view."""
    moved = view_on(followup, fixed.image.grid, matrix)
    seen = fixed.image.seen & moved.image.seen
    numbers = agreement(fixed.image.hu, fixed.body, moved.image.hu, moved.body, seen, fixed.image.spacing_mm)
    common = np.argwhere(fixed.body & seen)[:, ::-1]
    strayed = 0.0
    if len(common):
        middle = fixed.image.grid.lps_from_indices(common.mean(axis=0, keepdims=True))[0]
        strayed = float(np.linalg.norm(matrix[:3, :3] @ middle + matrix[:3, 3] - middle - slide.shift_mm))
    return {**numbers, **shape_numbers(matrix), "slide_score": slide.score, "from_slide_mm": strayed}
