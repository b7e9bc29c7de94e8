"""Outlined lesions: covered by healthy tissue, drawn again at another size, and absent where they have vanished."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch

from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.training.examples.constructed import draw_constructed_pair
from lesion_tracker.training.examples.real_lesions import real_lesions
from lesion_tracker.training.examples.scan import draw_implant
from lesion_tracker.training.prepared.prepared_study import Outline, PreparedStudy
from lesion_tracker.volumes.volume import Volume
from tests.training.made import NO_ERRORS, SCENARIO

CENTER_MM, RADIUS_MM = np.array([80.0, 80.0, 60.0]), 9.0
LUNG_HU, LESION_HU = -800, 60


@cache
def outlined_study() -> PreparedStudy:
    """Return lung with a ball in it and a plate of tissue beside, whose outline is the ball."""
    grid = crop_grid(np.zeros(3), (208, 208, 64))
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    ball = (0.8 * i - CENTER_MM[0]) ** 2 + (0.8 * j - CENTER_MM[1]) ** 2 + (2.0 * k - CENTER_MM[2]) ** 2 < RADIUS_MM**2
    hu = np.where(ball, LESION_HU, np.where(i > 180, 40, LUNG_HU)).astype(np.int16)
    z, y, x = (slice(int(n.min()), int(n.max()) + 1) for n in np.nonzero(ball))
    outline = Outline((x.start, y.start, z.start), ball[z, y, x])
    structure = np.full((32, 52, 52), 100.0, dtype=np.float32)
    return PreparedStudy("outlined", Volume(hu, grid), structure, np.zeros((0, 4)), outlines=(outline,))


def volume_ml(hu: torch.Tensor) -> float:
    """Return how much of a crop is denser than half-way between lung and lesion."""
    return float((hu > (LUNG_HU + LESION_HU) / 2).sum()) * 0.8 * 0.8 * 2.0 / 1000


def test_an_outline_gives_centre_radius_and_healthy_tissue_that_hides_the_lesion() -> None:
    (lesion,) = real_lesions(outlined_study())
    assert np.abs(lesion.body.center_mm - CENTER_MM).max() < 0.5
    assert abs(lesion.body.radius_mm - RADIUS_MM) < 0.4
    crop = crop_grid(CENTER_MM - np.array([28.0, 28.0, 28.0]), (71, 71, 29))
    shown = torch.from_numpy(outlined_study().volume.hu[16:45, 65:136, 65:136].astype(np.float32))
    assert abs(volume_ml(shown) - 4 / 3 * np.pi * RADIUS_MM**3 / 1000) < 0.15
    hidden = draw_implant(shown, crop, lesion.cover, None, None)
    assert float(hidden.max()) < LUNG_HU + 40  # the plate is denser, the donor was taken from lung


def test_a_lesion_is_drawn_again_at_another_size_over_the_tissue_that_hides_it() -> None:
    (lesion,) = real_lesions(outlined_study())
    crop = crop_grid(CENTER_MM - np.array([28.0, 28.0, 28.0]), (71, 71, 29))
    shown = torch.from_numpy(outlined_study().volume.hu[16:45, 65:136, 65:136].astype(np.float32))
    hidden = draw_implant(shown, crop, lesion.cover, None, None)
    for factor in (0.7, 1.0, 1.4):
        drawn = draw_implant(hidden, crop, lesion.body.grown(factor), None, None)
        assert abs(volume_ml(drawn) / volume_ml(shown) / factor**3 - 1) < 0.1  # voxels of 0.8 and 2 mm
        k, j, i = np.nonzero(drawn.numpy() > -400)
        center = crop.lps_from_indices(np.array([[i.mean(), j.mean(), k.mean()]]))[0]
        assert np.abs(center - CENTER_MM).max() < 0.6


def test_pairs_show_it_grown_or_not_at_all_as_often_as_asked() -> None:
    settings = replace(SCENARIO, outlined=1.0, vanished=0.5, moving=0.0)
    kinds = []
    for number in range(24):
        pair = draw_constructed_pair([outlined_study()], NO_ERRORS, settings, np.random.default_rng(number))
        lesion = pair.lesions[0]
        kinds.append(lesion.kind)
        if lesion.kind not in ("outlined", "vanished"):  # it left the crop, a further lesion came first
            continue
        scan = replace(pair.followup, look=replace(pair.followup.look, noise_hu=0.0, contrast_hu=0.0))
        where = pair.followup.warp.inverse(CENTER_MM[None])[0]  # type: ignore[union-attr]
        here = float(scan.source()(crop_grid(where - np.array([1.6, 1.6, 4.0]), (5, 5, 5)))[2, 2, 2])
        assert (here < -600) if lesion.followup_mm is None else (here > -150)
        if lesion.followup_mm is not None:
            assert np.linalg.norm(lesion.followup_mm - where) < 1e-6
            assert 2 / 3 - 1e-6 <= lesion.followup_radius_mm / lesion.radius_mm / pair.followup.warp.scale <= 1.5 + 1e-6  # type: ignore[union-attr]
    assert kinds.count("outlined") >= 6
    assert kinds.count("vanished") >= 6


def test_without_a_share_of_its_own_an_outline_changes_nothing() -> None:
    study = outlined_study()
    for number in range(4):
        drawn = [
            draw_constructed_pair([one], NO_ERRORS, SCENARIO, np.random.default_rng(number))
            for one in (study, replace(study, outlines=()))
        ]
        assert drawn[0].lesions[0].clicked_mm.tolist() == drawn[1].lesions[0].clicked_mm.tolist()
        assert drawn[0].baseline.seed == drawn[1].baseline.seed
