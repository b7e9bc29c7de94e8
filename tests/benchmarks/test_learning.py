"""The benchmark of corrections: a scanner that moves nothing, corrections as a reader makes them, stages that go on."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.learning.corrected_pairs import StoredPair, corrections, mislabelled
from benchmarks.learning.page import interval, page
from benchmarks.learning.scanner import Scanner, scanned, thick
from benchmarks.learning.stages import kept
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

CENTER_MM = np.array([31.0, 47.0, 58.0])


def made_study(direction: np.ndarray | None = None) -> Volume:
    """Return soft tissue with a dense ball of 12 mm at CENTER_MM."""
    axes = np.eye(3) if direction is None else direction
    size, spacing = (70, 80, 50), np.array([1.0, 1.1, 2.5])
    middle = axes @ (spacing * (np.array(size) - 1) / 2)
    grid = Grid.from_parts(size, spacing, np.array([35.0, 44.0, 61.0]) - middle, axes)
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))
    inside = np.linalg.norm(points - CENTER_MM, axis=1).reshape(grid.shape) < 12
    return Volume(np.where(inside, 240, 40).astype(np.int16), grid)


@pytest.mark.parametrize("flip", [np.eye(3), np.diag([-1.0, -1.0, 1.0])])
def test_the_scanner_leaves_everything_where_it_is(flip: np.ndarray) -> None:
    hu, grid = thick(made_study(flip), 5.0)
    assert grid.spacing_mm[2] == pytest.approx(5.0)
    weight = (hu - 40).ravel()
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))
    np.testing.assert_allclose((points * weight[:, None]).sum(axis=0) / weight.sum(), CENTER_MM, atol=0.15)


def test_the_scanner_halves_contrasts_and_shifts_them() -> None:
    seen = scanned(made_study(), Scanner(contrast=0.5, shift_hu=-150.0, cupping_hu=0.0, noise_hu=0.0), [1])
    i, j, k = np.round(seen.grid.indices_from_lps(CENTER_MM[None])[0]).astype(int)
    assert seen.hu[k, j, i] == 40 + 100 - 150
    assert seen.hu[2, 2, 2] == 40 - 150


def test_the_middle_of_a_slice_is_darker() -> None:
    seen = scanned(made_study(), Scanner(noise_hu=0.0), [1])
    level = seen.hu[2]
    assert level[0, 0] - level[level.shape[0] // 2, level.shape[1] // 2] == pytest.approx(100, abs=2)


def test_noise_comes_from_the_seed_alone() -> None:
    first, again, other = (scanned(made_study(), Scanner(), [seed]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.hu, again.hu)
    assert (first.hu != other.hu).mean() > 0.9


def made_pair(folder: Path, count: int = 4) -> StoredPair:
    lesions = [
        {
            "id": f"lesion_{n}",
            "baseline_mm": [float(n), 0.0, 0.0],
            "radius_mm": 5.0,
            "followup_mm": [float(n), 1.0, 0.0],
            "followup_radius_mm": 5.0,
            "expected_mm": [float(n), 4.0, 0.0],
            "seen": n != 3,
            "hard": False,
        }
        for n in range(count)
    ]
    return StoredPair("chest", 0, folder, lesions, "")


def test_a_reader_corrects_what_is_wrong_and_was_scanned(tmp_path: Path) -> None:
    corrected = corrections(made_pair(tmp_path), [2.9, 3.0, 8.0, 9.0], 5)
    assert [lesion.lesion_id for lesion in corrected] == ["lesion_1", "lesion_2"]
    assert corrected[0].followup_mm == (1.0, 1.0, 0.0)
    assert corrected[0].expected_mm == (1.0, 4.0, 0.0)
    assert {lesion.verdict for lesion in corrected} == {"corrected"}
    assert len(corrections(made_pair(tmp_path), [2.9, 3.0, 8.0, 9.0], 1)) == 1


def test_a_mislabelled_set_is_off_by_exactly_the_shift_in_directions_of_its_own(tmp_path: Path) -> None:
    right = corrections(made_pair(tmp_path), [9.0] * 4, 5)
    wrong = mislabelled(right, 15.0, seed=3)
    moved = np.array([b.followup_mm for b in wrong]) - np.array([a.followup_mm for a in right])
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 15.0)
    assert np.linalg.norm(moved[0] - moved[1]) > 1
    assert [a.baseline_mm for a in right] == [b.baseline_mm for b in wrong]


def test_a_stage_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    calls = []
    make = lambda: calls.append(1) or {"errors": [1.5]}  # noqa: E731
    assert kept(tmp_path / "a" / "stage.json", make) == {"errors": [1.5]}
    assert kept(tmp_path / "a" / "stage.json", make) == {"errors": [1.5]}
    assert len(calls) == 1


def test_the_interval_holds_the_figure_and_is_a_point_where_all_pairs_agree() -> None:
    before = [[4.0, 8.0], [6.0], [10.0, 2.0]]
    low, high = interval([[e * 0.5 for e in one] for one in before], before)
    assert low == pytest.approx(0.5)
    assert high == pytest.approx(0.5)
    low, high = interval([[1.0, 2.0], [6.0], [9.0, 2.0]], before)
    assert low < 1 - 20 / 30 < high


def test_the_page_says_missed_where_an_aim_is_missed() -> None:
    figures = {"n": 40, "med_mm": 8.0, "median_mm": 4.0, "within_10mm": 0.8}
    outcome = {"published": True, "reason": "better", "steps": 300, "seconds": 700, "processor_seconds": 600}
    found = {
        "command": "python -m benchmarks.learning", "weights": "ab" * 32, "domain": str(Scanner()), "method": "How.",
        "taught_on": {"base_volumes": ["a", "b"], "pairs": 5, "corrections": 20, "mean_error_mm": 12.0},
        "tested_on": {"base_volumes": ["c", "d"], "pairs": 4, "lesions": 40},
        "before": figures, "after": {**figures, "med_mm": 7.0}, "lower_by": 0.125, "lower_by_interval": [0.0, 0.2],
        "by_volume": {"c": {"pairs": 4, "before": figures, "after": figures}},
        "normal": None, "right": outcome, "mislabelled": outcome,
    }  # fmt: skip
    text = page(found)
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.count("|") > 3}
    assert "**missed**" in rows["MED on two base volumes that were in no training, `dlt`"]
    assert "**missed**" in rows["the same corrections moved by 15 mm"]
    assert "| met |" in rows["training with the default settings, 20 corrections"]
