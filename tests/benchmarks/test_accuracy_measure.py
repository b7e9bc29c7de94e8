"""A pair goes through the product's own functions; registration is replaced by a known shift, the network is tiny."""

import json

import numpy as np
import pytest
import torch
from scipy import ndimage

from benchmarks.accuracy.cases import Loaded, NamedPair
from benchmarks.accuracy.figures import figures
from benchmarks.accuracy.measure import measure
from benchmarks.calibration.collect import collect
from benchmarks.calibration.fit import examples_of
from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.tracker import Tracker, tracker_from_net
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

SMALL = NetworkConfig(blocks=(1, 1, 1), growth=8, stem=8, bottleneck=2, features=8, global_kernel=(3, 5, 5))
SHIFT_MM = np.array([4.0, -6.0, 10.0])


def shifted(method: str) -> FollowupFromBaseline:
    matrix = np.eye(4)
    matrix[:3, 3] = SHIFT_MM
    return FollowupFromBaseline(method, matrix, None, {"local_ncc": 0.5}, {}, "")


@pytest.fixture(scope="module")
def model() -> Tracker:
    torch.manual_seed(0)
    return tracker_from_net(TrackerNet(SMALL), device="cpu")


@pytest.fixture
def case() -> NamedPair:
    rng = np.random.default_rng(0)
    hu = (6000 * ndimage.gaussian_filter(rng.normal(size=(40, 60, 60)), 2.0)).astype(np.int16)
    grid = Grid.from_parts((60, 60, 40), np.array([2.0, 2.0, 3.0]), np.array([0.0, 0.0, 0.0]), np.eye(3))
    moved = Grid.from_parts((60, 60, 40), np.array([2.0, 2.0, 3.0]), SHIFT_MM, np.eye(3))
    truth = [
        {
            "id": f"l{n}", "kind": "structure", "change": "same", "baseline_mm": (50.0 + 9 * n, 60.0, 60.0),
            "radius_mm": 6.0, "followup_mm": tuple(float(v) for v in np.array([50.0 + 9 * n, 60, 60]) + SHIFT_MM),
            "followup_radius_mm": 6.0, "moved_mm": 0.0, "counted": n < 2, "hard": n == 1,
        }
        for n in range(3)
    ]  # fmt: skip
    truth[2] |= {"change": "vanished"}
    return NamedPair("a/0", "constructed", "a", lambda: Loaded(Pair(Volume(hu, grid), Volume(hu, moved)), truth, {}))


@pytest.fixture(autouse=True)
def small_searches(monkeypatch):
    monkeypatch.setattr("lesion_tracker.tracking.search.SEARCH_VOXELS", (64, 64, 24))
    monkeypatch.setattr("lesion_tracker.tracking.search.WIDE_VOXELS", (80, 80, 32))


@pytest.mark.long
def test_all_rows_and_shifts_of_a_pair_are_measured(case, model, monkeypatch):
    monkeypatch.setattr(
        "lesion_tracker.tracking.registered.register", lambda baseline, followup, method, cache: shifted(method)
    )
    monkeypatch.setattr("benchmarks.accuracy.measure.SHIFTS", 2)
    record = json.loads(json.dumps(measure(case, model, 0.5, 1)))
    assert set(record["rows"]) == {"affine", "deformable", "dlt", "auto", "refined"}
    assert record["rows"]["deformable"][0]["center_mm"] == pytest.approx([54, 54, 70])
    assert record["failed"] == {}
    assert len(record["shifts"]) == 1
    assert len(record["shifts"][0]["auto"]) == 2
    assert len(record["seconds"]["dlt"]["further"]) == 2
    found = figures([record], 1)
    assert found["all"]["affine"]["med_mm"] == pytest.approx(0, abs=1e-9)
    assert found["all"]["affine"]["n"] == 2


def test_the_lesions_of_a_refused_pair_are_missed(case, model, monkeypatch):
    def fails(baseline, followup, method, cache):
        raise RegistrationFailed("no overlap")

    monkeypatch.setattr("lesion_tracker.tracking.registered.register", fails)
    record = measure(case, model, 0.5, 1)
    assert record["failed"]["auto"] == "no overlap"
    found = figures([record], 1)
    assert "a/0 affine" in found["failed"]
    assert found["all"]["affine"]["cpm_at_10mm"] == 0.0


def test_evidence_is_collected_for_every_candidate(case, model, monkeypatch, tmp_path):
    monkeypatch.setattr("lesion_tracker.tracking.registered.register", lambda b, f, method, cache: shifted(method))
    record = json.loads(json.dumps(collect(case, model, tmp_path / "patches.npz")))
    with np.load(tmp_path / "patches.npz") as patches:
        assert [patches[one["truth"]["id"]].shape[0] - 1 for one in record["lesions"]] == [
            len(one["candidates"]) for one in record["lesions"]
        ]
    examples = examples_of([record])
    assert len(examples) == 3
    assert examples[0].right_candidates()[0]
    assert examples[2].truth_mm is None
    assert len(examples[0].candidates) > 1
    assert examples[0].evidence[0].warped == pytest.approx(1.0, abs=0.05)
