"""A point in a lesion to its outline, its axes and its volume."""

import numpy as np

from lesion_tracker.arrays import PointMm, point_mm
from lesion_tracker.errors import PointOutsideError
from lesion_tracker.measurement.axes import axes_of, rings
from lesion_tracker.measurement.candidates import Candidates, candidates, contrast_to_noise, features
from lesion_tracker.measurement.judge import doubt_from, doubts, evidence, scores
from lesion_tracker.measurement.outline import outline, radii_of
from lesion_tracker.measurement.prior import Prior, prior_of_radius
from lesion_tracker.measurement.second_opinion import second_outline
from lesion_tracker.measurement.sphere import sphere
from lesion_tracker.measurement.surfaces import RADII_MM
from lesion_tracker.measurement.view import View, view_of
from lesion_tracker.records.measurement import Measurement, radius_of
from lesion_tracker.volumes.inside import outside_text
from lesion_tracker.volumes.resample import resample
from lesion_tracker.volumes.volume import Volume

METHOD = "closed surface of the likeliest contrast, outlined at half of it"
VERSION = "1"
CLEAR = 8.0
"""From this ratio of contrast to noise on, the outline says more than its surface, and is made again from itself."""
OFF_CENTER = 0.25
"""A click farther from the middle of what was found, as a share of its radius, is looked at again from there."""
DISAGREE = 1.25
"""Ratio of the long axes of both ways from which on their disagreement is the reason to check."""
LONG = 2
"""The place of the long axis beyond what the volume lets expect among the evidence."""
DIGITS = 3


def measure(
    volume: Volume, center_mm: PointMm, radius_mm: float | None = None, *, prior: Prior | None = None
) -> Measurement:
    """Measure the lesion round a point.

    Args:
        volume: the study.
        center_mm: a point in the lesion, LPS mm; the nearer to its middle, the better.
        radius_mm: half of the longest diameter as far as it is known; it helps to choose, and forces nothing.
        prior: instead, the outline of an earlier study (`lesion_tracker.measurement.prior`).

    Returns:
        The measurement; `check` says why a reader should look at it.

    Raises:
        PointOutsideError: for a point outside the study.
        ValueError: for a point that is not three finite numbers, or a radius that is not positive.
    """
    if radius_mm is not None and not radius_mm > 0:
        raise ValueError(f"radius_mm must be positive, got {radius_mm!r}")
    if prior is None and radius_mm is not None:
        prior = prior_of_radius(radius_mm)
    center = _inside(volume, center_mm)
    view = view_of(volume, center)
    cover, score = outlined(volume, view, center, prior)
    return _measurement(volume, cover, _cut(volume, cover) or _check(cover, second_outline(view, center), score))


def radius_at(volume: Volume, center_mm: PointMm) -> float:
    """Return half of the longest diameter of the lesion round a point, mm, as `measure` finds it, and nothing else: quicker.

    Raises:
        PointOutsideError, ValueError: as `measure`.
    """
    center = _inside(volume, center_mm)
    cover, _ = outlined(volume, view_of(volume, center), center)
    return radius_of(axes_of(rings(cover)).long_axis_mm)


def _inside(volume: Volume, center_mm: PointMm) -> PointMm:
    center = point_mm(center_mm)
    if not volume.grid.contains(center[None])[0]:
        raise PointOutsideError(f"nothing can be measured: {outside_text(center, volume.grid, 'the study')}")
    return center


def outlined(volume: Volume, view: View, center: PointMm, prior: Prior | None = None) -> tuple[Volume, float]:
    """Return the outline round a point inside the study, and the score of the surface that it was made from."""
    found, judged, chosen = _likeliest(view, center, prior)
    cover = _outline(volume, view, found, chosen)
    middle = _middle(cover)
    if np.linalg.norm(middle - center) > OFF_CENTER * found.ball_mm[chosen]:
        again, rejudged, best = _likeliest(view, middle, prior)
        if rejudged[best] > judged[chosen]:
            judged, chosen = rejudged, best
            cover = _outline(volume, view, again, best)
    return cover, float(judged[chosen])


def _likeliest(view: View, center: PointMm, prior: Prior | None) -> tuple[Candidates, np.ndarray, int]:
    found = candidates(view, center)
    judged = scores(features(found))
    if prior is not None:
        judged = judged - prior.penalty(found.radii)
    return found, judged, int(judged.argmax())


def _outline(volume: Volume, view: View, found: Candidates, chosen: int) -> Volume:
    cover = outline(volume, found.center_mm, found.radii[chosen], found.profiles, found.noise_hu)
    if contrast_to_noise(found)[chosen] < CLEAR:
        return cover
    middle = _middle(cover)
    profiles = view.along(middle, sphere().directions, RADII_MM)
    return outline(volume, middle, radii_of(cover, middle), profiles, found.noise_hu)


def _middle(cover: Volume) -> PointMm:
    z, y, x = (float(index.mean()) for index in np.nonzero(cover.hu > 0.5))
    return np.asarray(cover.grid.lps_from_indices(np.array([[x, y, z]]))[0])


def _cut(volume: Volume, cover: Volume) -> str:
    """Return that an outline reaches the outermost voxels of its study, behind which nothing was scanned, or ""."""
    z, y, x = np.nonzero(cover.hu > 0.5)
    index = volume.grid.indices_from_lps(cover.grid.lps_from_indices(np.stack([x, y, z], axis=-1).astype(np.float64)))
    if ((index < 0.5) | (index > np.array(volume.grid.size) - 1.5)).any():
        return "it reaches the end of the scan: it may be larger than what was scanned of it"
    return ""


def _check(cover: Volume, second: Volume, score: float) -> str:
    """Return why a reader should look at a measurement, or ""."""
    against = doubts(evidence(score, cover, second))
    if against.sum() < doubt_from():
        return ""
    other = rings(second)
    if not other:
        return "its border is open: what looks like it goes on beyond it"
    first_mm, second_mm = axes_of(rings(cover)).long_axis_mm, axes_of(other).long_axis_mm
    if not 1 / DISAGREE < first_mm / second_mm < DISAGREE:
        return f"two ways to measure it disagree: {first_mm:.1f} and {second_mm:.1f} mm"
    return (
        "it is long for its volume: is a neighbour part of it?" if against.argmax() == LONG else "its border is faint"
    )


def _measurement(volume: Volume, cover: Volume, check: str) -> Measurement:
    outer = rings(cover)
    axes = axes_of(outer)
    inside = cover.hu > 0.5
    hu = resample(volume, cover.grid).hu
    ends = [
        tuple(tuple(round(float(v), DIGITS) for v in end) for end in both) for both in (axes.long_mm, axes.short_mm)
    ]
    return Measurement(
        center_mm=tuple(round(float(v), DIGITS) for v in _middle(cover)),  # type: ignore[arg-type] # three numbers
        long_axis_mm=round(axes.long_axis_mm, DIGITS),
        short_axis_mm=round(axes.short_axis_mm, DIGITS),
        long_ends_mm=ends[0],  # type: ignore[arg-type] # two points
        short_ends_mm=ends[1],  # type: ignore[arg-type]
        key_slice=round(axes.slice_mm, DIGITS),
        volume_ml=round(float(inside.sum() * np.prod(cover.grid.spacing_mm)) / 1000.0, 4),
        mean_hu=round(float(hu[inside].mean()), 1),
        outline=tuple(tuple(tuple(np.round(p, DIGITS).tolist()) for p in ring) for ring in outer),
        check=check,
        method=METHOD,
        version=VERSION,
    )
