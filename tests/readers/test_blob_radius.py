"""The radius estimated at a click, against balls whose radius is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.readers.blob_radius import DEFAULT_MM, LARGEST_MM, SMALLEST_MM, estimate_radius
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.volume import Volume

SAMPLE = Path(__file__).parents[2] / "sample-data"


def _ball(
    radius_mm: float,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    *,
    inside: float = 40.0,
    outside: float = -800.0,
    noise: float = 15.0,
    direction: object = ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
) -> tuple[Volume, np.ndarray]:
    """Draw a ball with partial volume (the fraction of 4x4x4 sub-points inside) in the middle of a volume."""
    width = 2.0 * (radius_mm * 1.6 + 20.0)
    size = tuple(int(np.ceil(width / s)) for s in spacing_mm)
    grid = Grid.from_parts(size, np.array(spacing_mm), np.array([-31.5, 17.25, -404.0]), direction)
    center_index = (np.array(size) - 1) / 2 + np.array([0.3, -0.2, 0.1])
    axes = [np.arange(n) for n in size]
    fraction = np.zeros((size[2], size[1], size[0]))
    for dz in (-0.375, -0.125, 0.125, 0.375):
        for dy in (-0.375, -0.125, 0.125, 0.375):
            for dx in (-0.375, -0.125, 0.125, 0.375):
                squared = (
                    (((axes[2] + dz - center_index[2]) * spacing_mm[2]) ** 2)[:, None, None]
                    + (((axes[1] + dy - center_index[1]) * spacing_mm[1]) ** 2)[None, :, None]
                    + (((axes[0] + dx - center_index[0]) * spacing_mm[0]) ** 2)[None, None, :]
                )
                fraction += (squared <= radius_mm**2) / 64.0
    rng = np.random.default_rng(1)
    hu = outside + (inside - outside) * fraction + rng.normal(0.0, noise, fraction.shape)
    return Volume(hu.astype(np.float32), grid), grid.lps_from_indices(center_index[None])[0]


@pytest.mark.parametrize("radius_mm", [3.0, 5.0, 8.0, 13.0, 22.0, 40.0])
@pytest.mark.parametrize(("inside", "outside"), [(40.0, -800.0), (120.0, 40.0), (40.0, 120.0)])
def test_radius_of_a_ball_is_found_within_a_quarter(radius_mm: float, inside: float, outside: float) -> None:
    spacing = (2.0, 2.0, 2.0) if radius_mm > 20 else (1.0, 1.0, 1.0)
    volume, center = _ball(radius_mm, spacing, inside=inside, outside=outside)
    assert estimate_radius(volume, center) == pytest.approx(radius_mm, rel=0.25)


@pytest.mark.parametrize("radius_mm", [4.0, 7.0, 15.0])
def test_unequal_spacing_changes_nothing(radius_mm: float) -> None:
    volume, center = _ball(radius_mm, (0.8, 0.7, 2.5))
    assert estimate_radius(volume, center) == pytest.approx(radius_mm, rel=0.25)


def test_flipped_and_swapped_axes_change_nothing() -> None:
    volume, center = _ball(7.0, (2.5, 0.8, 0.7), direction=((0, 0, 1), (-1, 0, 0), (0, -1, 0)))
    assert estimate_radius(volume, center) == pytest.approx(7.0, rel=0.25)


@pytest.mark.parametrize("offset", [(0.4, 0.0, 0.0), (0.0, -0.4, 0.2), (0.3, 0.3, -0.3)])
def test_a_click_beside_the_centre_is_enough(offset: tuple[float, float, float]) -> None:
    volume, center = _ball(9.0)
    assert estimate_radius(volume, center + 9.0 * np.array(offset)) == pytest.approx(9.0, rel=0.25)


def test_a_small_nodule_in_a_lung_is_not_the_lung() -> None:
    volume, center = _ball(5.0, outside=-850.0)
    hu = np.array(volume.hu)
    hu[:, :, :12] = 40.0  # a chest wall, 16 mm away
    assert estimate_radius(Volume(hu, volume.grid), center) == pytest.approx(5.0, rel=0.25)


def test_uniform_tissue_gives_the_default() -> None:
    volume, center = _ball(6.0, inside=40.0, outside=40.0, noise=0.0)
    assert estimate_radius(volume, center) == DEFAULT_MM


@pytest.mark.parametrize("radius_mm", [1.5, 60.0])
def test_the_answer_is_bounded(radius_mm: float) -> None:
    volume, center = _ball(radius_mm, (2.0, 2.0, 2.0) if radius_mm > 20 else (1.0, 1.0, 1.0))
    assert SMALLEST_MM <= estimate_radius(volume, center) <= LARGEST_MM


def test_a_click_at_the_rim_of_the_volume_has_an_answer() -> None:
    volume, _ = _ball(6.0)
    corner = volume.grid.lps_from_indices(np.zeros((1, 3)))[0]
    assert SMALLEST_MM <= estimate_radius(volume, corner) <= LARGEST_MM


def test_a_point_that_is_no_point_is_refused() -> None:
    volume, _ = _ball(6.0)
    with pytest.raises(ValueError, match="finite"):
        estimate_radius(volume, np.array([1.0, np.nan, 2.0]))


def test_a_dark_cyst_in_a_noisy_study_of_thick_slices() -> None:
    volume, center = _ball(9.0, (0.86, 0.86, 5.0), inside=8.0, outside=90.0, noise=40.0)
    assert estimate_radius(volume, center) == pytest.approx(9.0, rel=0.25)


def test_the_nodule_of_the_sample() -> None:
    (lesion,) = json.loads((SAMPLE / "lesions.json").read_text())["lesions"]
    (path,) = SAMPLE.glob("studies/*__20000101.nii.gz")
    volume = read_volume(path)
    # The sample gives half of the longest diameter of a spiculated nodule; the blob's radius is the smaller one.
    for beside in (np.zeros(3), np.array([5.0, 0.0, 0.0]), np.array([0.0, -6.0, 0.0]), np.array([0.0, 3.0, 5.0])):
        radius = estimate_radius(volume, np.array(lesion["center_mm"]) + beside)
        assert 0.75 * lesion["radius_mm"] <= radius <= 1.05 * lesion["radius_mm"]
