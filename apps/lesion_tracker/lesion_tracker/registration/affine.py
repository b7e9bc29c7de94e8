"""The affine method: elastix at 4 mm, from the slide, on what both studies cover."""

import time
from dataclasses import replace

import numpy as np
from scipy import ndimage

from lesion_tracker.arrays import Affine, Mask
from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.registration import elastix, process_pool
from lesion_tracker.registration.doubts import Doubt
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.registration.quality import LEAST, agreement, disagreement, implausible_shape, shape_numbers
from lesion_tracker.registration.slide import MIN_OVERLAP_MM, Slide, cut_share, shrunk, slides
from lesion_tracker.registration.views import View, translation, two_views, view_of, view_on
from lesion_tracker.registration.working import seen_on
from lesion_tracker.volumes.volume import Volume

SHRINK = 2
"""The slide looks at voxels that many times larger: 8 mm."""

PYRAMID = (2, 1)
ITERATIONS = 128
"""256 took twice as long and moved the points of four real pairs by 0.1 to 0.7 mm, as far as another seed would, to no gain:
mean errors 3.83, 3.22, 13.7 and 14.5 mm instead of 3.81, 3.05, 13.5 and 14.5."""

SAMPLES = 2048
TIMEOUT_S = 300.0
MIN_BODY_VOXELS = 500
LEAST_SPREAD_HU = 1.0
"""A body whose values differ by less, as their standard deviation, shows nothing to register."""

CUT = 0.225
"""From this share of its outline in the slices on the field of view cuts a body.

Of 25 whole studies the field cuts up to 0.22, of halves 0.23 to 0.30, of cone-beam CTs 0.6.
"""

UNEVEN = 1.08
"""A cut body that an affine map stretches more than that along one direction than along another is turned, shifted and
stretched evenly instead.

What the cut leaves does not hold the stretches: in the left half of a chest they followed an arm that had moved (by 1.14,
8 mm off, evenly 3), and cone-beam CTs were pressed to 0.81 (by 1.3). Fitted on 20 smaller fields of three patients; where
the affine map stayed below 1.07 it was the better one on all of them, above 1.10 the worse one on 4 of 5.
"""

RIVAL = 0.9
"""From this share of the best score on a shift elsewhere along the body makes the place doubtful.

Of 26 right pairs it was at most 0.68, of 38 wrong ones 0.62 to 0.97.
"""

MIRROR_BELOW = 0.75
"""Below this local correlation the studies are compared once more, with the baseline mirrored left to right.

18 chests against their own mirror images reached up to 0.71, all more alike once mirrored back, by 0.27 and more; four real
pairs with the later study mirrored up to 0.62, by 0.05 (cone-beam CTs) to 0.49. Of 12 right pairs below 0.75 none was more
alike mirrored; the nearest, half a chest, 0.63 against 0.65 (`python -m benchmarks.registration`).
"""

REACH_MM = 40.0
"""How far beyond the common part elastix may look in the follow-up."""

PARAMETERS = {"pyramid": PYRAMID, "iterations": ITERATIONS, "samples": SAMPLES, "cut": CUT, "uneven": UNEVEN}


def register_affine(baseline: Volume, followup: Volume) -> FollowupFromBaseline:
    """Find the affine map.

    Args:
        baseline: the earlier study.
        followup: the later study.

    Returns:
        the map; with `fallback` set if only the shift was plausible, and with `doubts` where the studies agree less
        than two states of one patient do.

    Raises:
        RegistrationFailed: for a study without a body, and for bodies that fit nowhere.
    """
    started = time.perf_counter()
    fixed, moving = two_views(lambda: view_of(baseline), lambda: view_of(followup))
    for name, view in (("baseline", fixed), ("follow-up", moving)):
        if int(view.body.sum()) < MIN_BODY_VOXELS:
            raise RegistrationFailed(
                f"no body found in the {name}: {int(view.body.sum())} voxels of 4 mm belong to one; is it a CT in HU?"
            )
        if float(view.image.hu[view.body].std()) < LEAST_SPREAD_HU:
            raise RegistrationFailed(
                f"the {name} shows nothing but one value ({float(view.image.hu[view.body].mean()):.0f} HU) in the body; is it "
                "a CT, or a mask?"
            )
    found = _slides(fixed, moving)
    slide = found[0]
    slid = time.perf_counter()
    seconds = {"slide": slid - started}
    seen = seen_on(followup, fixed.image.grid, translation(slide.shift_mm))
    matrix, fault = _elastix(fixed, moving, slide, seen)
    done = time.perf_counter()
    seconds["affine"] = done - slid
    answer = _judged(fixed, followup, found, matrix, fault)
    if answer.quality["local_ncc"] < MIRROR_BELOW:
        answer = _compared_with_its_mirror_image(answer, fixed, moving, followup)
    seconds["quality"] = time.perf_counter() - done
    return replace(answer, seconds=seconds)


def _slides(fixed: View, moving: View) -> list[Slide]:
    """Return the best shift and, if there is one, the best elsewhere along the body."""
    found = slides(shrunk(fixed, SHRINK), shrunk(moving, SHRINK), count=2)
    if not found:
        raise RegistrationFailed(
            f"the two bodies fit nowhere: no shift gives them {MIN_OVERLAP_MM:.0f} mm in common along the body; are "
            "they studies of different parts of the body?"
        )
    return found


def _elastix(fixed: View, moving: View, slide: Slide, seen: Mask) -> tuple[Affine, RegistrationFailed | None]:
    """Return the matrix that elastix found, or that of the slide and why elastix found none.

    Args:
        fixed: the baseline.
        moving: the follow-up.
        slide: what it starts from.
        seen: which voxels of the baseline's view the follow-up's scan covers after the slide.
    """
    near = ndimage.binary_dilation(fixed.body, iterations=2) & seen & fixed.image.seen
    shift = translation(slide.shift_mm)
    planes = np.flatnonzero(near.any(axis=(1, 2)))
    if len(planes) == 0:
        return shift, RegistrationFailed("the shift leaves nothing in common")
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
        "pyramid": PYRAMID,
        "iterations": ITERATIONS,
        "samples": SAMPLES,
    }
    cut = max(cut_share(fixed), cut_share(moving)) > CUT
    try:
        matrix = process_pool.pool().run(elastix.affine, job, TIMEOUT_S)["matrix"]
        stretch = np.linalg.svd(matrix[:3, :3], compute_uv=False)
        if cut and stretch[0] > UNEVEN * stretch[2]:
            matrix = process_pool.pool().run(elastix.similarity, job, TIMEOUT_S)["matrix"]
        return np.asarray(shift @ matrix), None
    except RegistrationFailed as error:
        return shift, error


def _judged(
    fixed: View, followup: Volume, found: list[Slide], matrix: Affine, fault: RegistrationFailed | None
) -> FollowupFromBaseline:
    """Return the affine map, or the shift where that is the better map, with all that is doubtful about it."""
    slide = found[0]
    quality = _measured(fixed, followup, slide, matrix)
    impossible = implausible_shape(quality)
    doubts: tuple[Doubt, ...] = ()
    fallback = ""
    if fault or impossible or disagreement(quality):
        shift = translation(slide.shift_mm)
        of_shift = quality if fault else _measured(fixed, followup, slide, shift)
        if fault:
            doubts = (
                process_pool.failed(fault, f"elastix found no affine map ({fault}); the studies were only shifted"),
            )
            fallback = f"translation only: {fault}"
        elif impossible:
            told = f"no body moves as the affine map found: {impossible.sentence}; the studies were only shifted"
            doubts = (replace(impossible, sentence=told),)
            fallback = f"translation only: {impossible.sentence}"
        if fallback or of_shift["local_ncc"] > quality["local_ncc"]:
            fallback = (
                fallback or "translation only: the shift alone makes the studies more alike than the affine map found"
            )
            matrix, quality = shift, of_shift
    doubts += disagreement(quality) + _elsewhere(found)
    quality["slide_rival"] = found[1].score / slide.score if len(found) > 1 and slide.score > 0 else 0.0
    return FollowupFromBaseline("affine", matrix, None, quality, fallback=fallback, doubts=doubts)


def _compared_with_its_mirror_image(
    answer: FollowupFromBaseline, fixed: View, moving: View, followup: Volume
) -> FollowupFromBaseline:
    """Return an affine map with a doubt where the studies agree well only when the baseline is mirrored left to right."""
    image = replace(fixed.image, hu=fixed.image.hu[:, :, ::-1].copy(), seen=fixed.image.seen[:, :, ::-1].copy())
    mirrored = View(image, fixed.body[:, :, ::-1].copy())
    try:
        slide = _slides(mirrored, moving)[0]
    except RegistrationFailed:  # it fits nowhere
        return answer
    own = answer.quality
    matrix, _ = _elastix(mirrored, moving, slide, seen_on(followup, image.grid, translation(slide.shift_mm)))
    alike, other = own["local_ncc"], _measured(mirrored, followup, slide, matrix)["local_ncc"]
    answer = replace(answer, quality={**own, "mirrored_ncc": other})
    if other <= max(alike, LEAST["local_ncc"]):
        return answer
    sentence = (
        f"the studies agree better when one of them is mirrored left to right: local correlation {other:.2f} against "
        f"{alike:.2f}; does a header say the wrong side?"
    )
    return replace(answer, doubts=(*answer.doubts, Doubt("mirrored", other, alike, sentence)))


def _elsewhere(found: list[Slide]) -> tuple[Doubt, ...]:
    """Return a doubt where the studies fit nearly as well at another place along the body."""
    if len(found) < 2 or found[1].score < RIVAL * found[0].score:
        return ()
    best, second = found[:2]
    away = float(second.shift_mm[2] - best.shift_mm[2])
    sentence = (
        f"the studies fit nearly as well {abs(away):.0f} mm further {'up' if away > 0 else 'down'} the body: "
        f"{second.score:.2f} against {best.score:.2f}; is the place along the body right?"
    )
    return (Doubt("place", second.score / best.score, RIVAL, sentence),)


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
