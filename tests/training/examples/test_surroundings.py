"""What lies round the lesions: coverage, table, field of view, slices; drawn where asked for, and lesions stay true."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.training.examples.appearance import Appearance, apply_appearance
from lesion_tracker.training.examples.constructed import draw_constructed_pair
from lesion_tracker.training.examples.field_of_view import FieldOfView, random_field
from lesion_tracker.training.examples.scan import Scan
from lesion_tracker.training.prepared.prepared_study import PreparedStudy
from lesion_tracker.volumes.volume import AIR_HU, Volume
from tests.training.made import NO_ERRORS, SCENARIO, made_study


def test_coverage_and_table_are_drawn_as_often_as_asked_and_leave_the_lesion_in_the_scan() -> None:
    settings = replace(SCENARIO, coverage=0.5, table=0.5)
    cuts = tables = 0
    for number in range(40):
        pair = draw_constructed_pair([made_study()], NO_ERRORS, settings, np.random.default_rng(number))
        look = pair.followup.look
        tables += look.table is not None
        if look.cut_mm is None:
            continue
        cuts += 1
        z, side = look.cut_mm
        for lesion in pair.lesions:
            if lesion.followup_mm is not None:
                assert (z - lesion.followup_mm[2]) * side > 6.0
    assert 10 <= cuts <= 30
    assert 10 <= tables <= 30


def test_without_either_nothing_is_drawn_for_them() -> None:
    for number in range(10):
        look = draw_constructed_pair([made_study()], NO_ERRORS, SCENARIO, np.random.default_rng(number)).followup.look
        assert look.cut_mm is None
        assert look.table is None
        assert look.field is None
        assert look.vessel_gain == 1.0


def shown_at(scan: Scan, place_mm: np.ndarray) -> float:
    """Return the HU that a scan shows at a place."""
    grid = crop_grid(place_mm - np.array([1.6, 1.6, 4.0]), (5, 5, 5))
    return float(scan.source()(grid)[2, 2, 2])


def test_a_lesion_beyond_the_end_of_the_coverage_is_an_example_of_an_absent_one() -> None:
    settings = replace(SCENARIO, outside=1.0, implant=0.0)
    outside = 0
    for number in range(12):
        pair = draw_constructed_pair([made_study()], NO_ERRORS, settings, np.random.default_rng(number))
        assert pair.followup.look.cut_mm is not None
        z, side = pair.followup.look.cut_mm
        for lesion in pair.lesions:
            where = pair.followup.warp.inverse(lesion.clicked_mm[None])[0]  # type: ignore[union-attr]
            if lesion.followup_mm is None:
                outside += 1
                assert lesion.kind == "outside"
                assert (z - where[2]) * side < 0.0
                assert shown_at(pair.followup, where) == AIR_HU
            else:
                assert (z - lesion.followup_mm[2]) * side > 6.0
    assert outside > 6


@pytest.mark.parametrize("kind", ["half", "targeted", "lungs"])
def test_a_field_of_view_keeps_its_lesion_and_shows_its_background_elsewhere(kind: str) -> None:
    study, place = chest(), np.array([45.0, 60.0, 40.0])
    fields = [random_field(np.random.default_rng(n), study, place, place) for n in range(60)]
    chosen = [field for field in fields if kind_of(field) == kind]
    assert len(chosen) > 8
    field = chosen[0]
    grid = crop_grid(np.array([-60.0, -60.0, 0.0]), (250, 250, 40))
    drawn = field.draw(torch.full(grid.shape, 40.0), grid, None)
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))
    kept = field.holds(points, points).reshape(grid.shape)
    assert np.array_equal(drawn.numpy() == 40.0, kept)
    assert 0.02 < kept.mean() < 0.98
    assert set(np.unique(drawn.numpy())) == {40.0, field.background_hu}
    for one in chosen:
        assert one.holds(place[None], place[None])[0]
    if kind == "targeted":
        width = field.high_mm - field.low_mm
        assert ((width >= 200.0) & (width <= 250.0)).all()
    if kind == "lungs":
        inside = np.array([[45.0, 60.0, 40.0], [90.0, 60.0, 40.0]])  # lung; the wall between both
        assert field.holds(inside, inside).tolist() == [True, False]


def kind_of(field: FieldOfView) -> str:
    if field.lungs is not None:
        return "lungs"
    return "targeted" if np.isfinite(field.low_mm).all() else "half"


@cache
def chest() -> PreparedStudy:
    """Return a body of 40 HU with two lungs of -800 HU."""
    grid = crop_grid(np.zeros(3), (224, 152, 40))
    hu = np.full(grid.shape, 40, dtype=np.int16)
    for middle in (56, 168):
        hu[4:36, 24:128, middle - 40 : middle + 40] = -800
    return PreparedStudy("chest", Volume(hu, grid), np.ones((20, 38, 56), dtype=np.float32), np.zeros((0, 4)))


def test_lesions_that_a_field_cuts_away_are_no_lesions_of_the_pair() -> None:
    settings = replace(SCENARIO, field=1.0, implant=0.0, lesions=5)
    for number in range(12):
        pair = draw_constructed_pair([made_study()], NO_ERRORS, settings, np.random.default_rng(number))
        before, after, warp = pair.baseline.look.field, pair.followup.look.field, pair.followup.warp
        assert before is not None
        assert after is not None
        assert warp is not None
        for lesion in pair.lesions:
            assert before.holds(lesion.clicked_mm[None], lesion.clicked_mm[None], 6.0)[0]
            assert lesion.followup_mm is not None
            assert after.holds(lesion.followup_mm[None], warp(lesion.followup_mm[None]), 6.0)[0]


def test_thick_slices_and_phases_are_drawn_as_often_as_asked() -> None:
    settings = replace(SCENARIO, thick=0.5, phases=0.5)
    looks = []
    for number in range(30):
        pair = draw_constructed_pair([made_study()], NO_ERRORS, settings, np.random.default_rng(number))
        looks += [pair.baseline.look, pair.followup.look]
    assert 0.3 < np.mean([look.slices >= 4 for look in looks]) < 0.7
    assert 0.3 < np.mean([look.vessel_gain != 1.0 for look in looks]) < 0.7


def test_a_washed_out_phase_takes_contrast_from_vessels_and_leaves_fat_and_bone() -> None:
    hu = torch.tensor([-100.0, 40.0, 60.0, 160.0, 900.0]).view(1, 1, 5).expand(2, 5, 5).clone()
    after = apply_appearance(hu, 0.8, 0.0, Appearance(vessel_gain=0.2), 1)[0, 2]
    assert after[[0, 1, 2]].tolist() == pytest.approx([-100.0, 40.0, 60.0], abs=1e-3)
    assert 60.0 < float(after[3]) < 140.0  # 0.4 to 1.6 times four fifths of the 100 HU above 60
    assert float(after[4]) == pytest.approx(900.0, abs=1.0)
