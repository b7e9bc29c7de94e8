"""Every peer that can run finds lesions of a body that was turned and shifted by a known amount."""

import importlib.util

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.accuracy.data import MODEL
from benchmarks.peers import convexadam
from benchmarks.peers.catalog import catalog, published
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.registration.preload import preload
from lesion_tracker.registration.views import view_of
from lesion_tracker.tracking.pair import Pair
from tests.registration.phantom import rotation_z, study
from tests.tracking import made_pair

SHIFT_MM = np.array([30.0, -20.0, 110.0])
TURN_DEG = 3.0


@pytest.fixture(scope="module")
def solvable() -> tuple[Pair, list[Lesion], np.ndarray]:
    """A pair, six lesions in the common part of its body, and where they are in the follow-up."""
    preload()
    x, y, z = (float(v) for v in SHIFT_MM)
    baseline = study()
    followup = study((80.0, 190.0), turn_deg=-TURN_DEG, origin_shift_mm=(x, y, z), table_mm=112.0, seed=3)
    body = view_of(baseline)
    where = np.random.default_rng(0).permutation(np.argwhere(body.body))[:2000, ::-1]
    points = body.image.grid.lps_from_indices(where.astype(np.float64))
    inside = (points[:, 2] > 95) & (points[:, 2] < 175) & (np.abs(points[:, 0]) < 100) & (np.abs(points[:, 1]) < 60)
    points = points[inside][:6]
    matrix = rotation_z(TURN_DEG)
    truth = points @ matrix[:3, :3].T + matrix[:3, 3] + SHIFT_MM
    lesions = [Lesion(f"l{n}", (float(a), float(b), float(c)), 8.0) for n, (a, b, c) in enumerate(points)]
    return Pair(baseline, followup), lesions, truth


@pytest.mark.long
@pytest.mark.parametrize("name", ["affine", "deformable", "bspline", "convexadam"])
def test_registration_peers_solve_it(name, solvable, tmp_path):
    peer = next(peer for peer in catalog(tmp_path, "cpu") if peer.name == name)
    if peer.find is None:
        pytest.skip(f"{name}: {peer.lacking}")
    pair, lesions, truth = solvable
    points, seconds = peer.find(pair, lesions)
    errors = np.linalg.norm(points - truth, axis=1)
    assert errors.mean() < 3.0, errors  # under one voxel of 4 mm; unregistered it is more than 100 mm
    assert 0 < seconds.further < seconds.first


def test_auto_without_weights_solves_it_by_registration(solvable, tmp_path):
    pair, lesions, truth = solvable
    auto = next(peer for peer in catalog(tmp_path, "cpu") if peer.name == "auto")
    points, seconds = auto.find(pair, lesions[:1])
    assert np.linalg.norm(points - truth[:1]) < 4.0
    assert seconds.further is None
    assert "registration alone" in auto.note


@pytest.mark.parametrize("name", ["dlt", "auto"])
def test_the_network_finds_a_lesion_beside_the_expected_place(name, monkeypatch):
    if published(MODEL, "cpu") is None:
        pytest.skip("no weights are published")
    center, moved = np.array([0.0, 6.0, 0.0]), np.array([12.0, 6.0, 0.0])
    before = made_pair.with_ball(made_pair.texture(), center, 8.0, 320.0)
    pair = made_pair.pair(before, made_pair.moved(before, moved - center))
    monkeypatch.setattr("lesion_tracker.tracking.registered.register", lambda b, f, method, cache: made_pair.identity())
    peer = next(peer for peer in catalog(MODEL, "cpu") if peer.name == name)
    points, _ = peer.find(pair, [Lesion("ball", (0.0, 6.0, 0.0), 8.0)])
    assert np.linalg.norm(points[0] - moved) < 6.0  # inside the ball; registration is 12 mm off


@pytest.mark.skipif(importlib.util.find_spec("convexAdam") is None, reason="convexAdam is not installed")
def test_convexadams_axes_and_signs():
    rng = np.random.default_rng(0)
    wide = ndimage.gaussian_filter(rng.normal(size=(60, 66, 72)), 2.0) * 1000
    fixed = wide[6:54, 6:60, 6:66]
    moving = wide[6 - 4 : 54 - 4, 6 + 2 : 60 + 2, 6 - 6 : 66 - 6]  # what was at 0 is now at (4, -2, 6)
    found = convexadam.displacement(fixed, moving)
    assert found.shape == (*fixed.shape, 3)
    assert np.median(found[12:-12, 12:-12, 12:-12].reshape(-1, 3), axis=0) == pytest.approx([4, -2, 6], abs=0.7)
