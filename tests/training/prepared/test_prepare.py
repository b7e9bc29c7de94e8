"""Preparing: volumes and pairs become arrays with everything training needs, and nothing half-written is left."""

import json
from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.commands.dispatch import main
from lesion_tracker.errors import FileFormatError
from lesion_tracker.paper.dls_pairs_file import read_dls_pairs, require_dls_grid
from lesion_tracker.training.prepared.prepare import measure_structure, prepare_study
from lesion_tracker.training.prepared.prepared_pair import read_prepared_pairs
from lesion_tracker.training.prepared.prepared_study import points_with_structure, read_index, read_prepared
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume
from tests.training.made import LESION_MM, SHIFT_MM, made_folder, made_volume

LESIONS = {"one": {"lesions": [{"id": "a", "center_mm": LESION_MM.tolist(), "radius_mm": 6.0, "what": "made"}]}}


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("volumes")
    for name, seed in (("one", 1), ("two", 2), ("final", 3)):
        write_volume(made_volume(seed), folder / f"{name}.nii.gz")
    (folder / "lesions.json").write_text(json.dumps(LESIONS))
    return folder


def test_volumes_become_arrays_on_the_lattice_with_lesions_and_structure(
    tmp_path: Path, volumes: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "prepared"
    words = ["prepare", str(volumes), "--out", str(out), "--lesions", str(volumes / "lesions.json")]
    assert main([*words, "--exclude", "final"]) == 0
    assert "2 studies, 0 pairs" in capsys.readouterr().out
    one, two = read_prepared(out)
    assert (one.name, two.name) == ("one", "two")
    assert one.volume.grid.spacing_mm == pytest.approx([0.8, 0.8, 2.0])
    made = made_volume(1)
    assert np.abs(one.volume.hu.astype(int)[:-1, :-1, :-1] - made.hu[:-1, :-1, :-1]).max() <= 1
    assert one.lesions == pytest.approx(np.array([[*LESION_MM, 6.0]]))
    assert points_with_structure(one, LESION_MM[None])[0]
    assert not points_with_structure(one, np.array([[1.0, 1.0, 40.0], [500.0, 0, 0]])).any()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["prepared"]


def test_masks_become_outlines_of_their_connected_parts(tmp_path: Path, volumes: Path) -> None:
    made = made_volume(1)
    inside = np.zeros(made.grid.shape, dtype=np.int16)
    inside[10:14, 30:40, 20:32] = 1
    inside[25:30, 60:70, 60:70] = 1
    inside[2, 2, 2] = 1  # a crumb
    (tmp_path / "masks").mkdir()
    write_volume(Volume(inside, made.grid), tmp_path / "masks" / "one.nii.gz")
    write_volume(Volume(inside, made.grid), tmp_path / "masks" / "of_no_volume.nii.gz")
    out = tmp_path / "prepared"
    assert main(["prepare", str(volumes), "--out", str(out), "--masks", str(tmp_path / "masks")]) == 0
    one, two = (study for study in read_prepared(out) if study.name in ("one", "two"))
    assert not two.outlines
    assert len(one.outlines) == 2
    for outline, part in zip(one.outlines, (inside[10:14], inside[25:30]), strict=True):
        x, y, z = outline.first_voxel
        assert z in (10, 25)
        assert abs(int(outline.inside.sum()) - int(part.sum())) <= 0.1 * part.sum()
        assert one.volume.grid.contains(one.volume.grid.lps_from_indices(np.array([[x, y, z]], dtype=float)))[0]
    np.save(out / "one.outline_2.npy", np.ones((50, 2, 2), dtype=bool))
    with pytest.raises(FileFormatError, match=r"outline_2\.npy is bool of shape \(50, 2, 2\).*prepare again"):
        read_prepared(out)
    write_volume(Volume(np.zeros_like(inside), made.grid), tmp_path / "masks" / "one.nii.gz")
    with pytest.raises(FileFormatError, match=r"one: its mask has no part of 0\.05 ml"):
        prepare_study("one", made, [], Volume(np.zeros_like(inside), made.grid))


def test_pairs_dls_and_registration_errors_are_measured_with_the_product_s_registration(tmp_path: Path) -> None:
    before = made_volume(3)
    moved = Volume(before.hu, Grid.from_parts(before.grid.size, before.grid.spacing_mm, SHIFT_MM, np.eye(3)))
    write_volume(before, tmp_path / "a.nii.gz")
    write_volume(moved, tmp_path / "b.nii.gz")
    lesion = {"id": "x", "baseline_mm": LESION_MM.tolist(), "followup_mm": (LESION_MM + SHIFT_MM).tolist()}
    pair = {"baseline": "a.nii.gz", "followup": "b.nii.gz", "lesions": [{**lesion, "radius_mm": 6.0}]}
    (tmp_path / "pairs.json").write_text(json.dumps({"pairs": [pair]}))
    out = tmp_path / "prepared"
    words = ["prepare", str(tmp_path / "a.nii.gz"), "--out", str(out), "--pairs", str(tmp_path / "pairs.json")]
    words += ["--dls", str(dls(tmp_path, before)), "--dls-volumes", str(tmp_path / "dls")]
    assert main([*words, "--registration-errors", "1"]) == 0
    marked, benchmark = read_prepared_pairs(out)
    assert marked.name == "pairs_1"
    found = marked.lesions[0]
    assert found.expected_mm is not None
    assert found.expected_back_mm is not None
    assert np.linalg.norm(found.expected_mm - (LESION_MM + SHIFT_MM)) < 3.0  # an affine of a pure shift
    assert np.linalg.norm(found.expected_back_mm - LESION_MM) < 3.0
    assert benchmark.lesions[0].baseline_mm == pytest.approx([40.0, 42.0, -38.0])
    assert benchmark.lesions[0].baseline_radius_mm == pytest.approx(0.8 * 15 / 2)
    value = made_at(benchmark.baseline.volume, benchmark.lesions[0].baseline_mm)
    assert value == pytest.approx(made_at(before, LESION_MM), abs=3)
    errors = np.array(read_index(out)["registration_errors_mm"])
    assert errors.shape[1] == 3
    assert 5 < len(errors) <= 60
    assert [study.name for study in read_prepared(out)] == [
        "a"
    ]  # the studies of pairs are not trained on by themselves


def made_at(volume: Volume, point_mm: np.ndarray) -> float:
    i, j, k = np.round(volume.grid.indices_from_lps(point_mm[None])[0]).astype(int)
    return float(volume.hu[k, j, i])


def dls(folder: Path, volume: Volume) -> Path:
    """Write two sub-volumes as DeepLesion's converter does, (row, column, slice), and their annotation, both ways."""
    (folder / "dls").mkdir()
    matrix = np.diag([0.8, 0.8, 2.0, 1.0])[[1, 0, 2, 3]]  # rows along +y, columns along +x
    matrix[2] *= -1  # slices along -z
    rows = volume.hu.transpose(0, 2, 1)  # array index (slice, column, row): the file's fastest axis is the row
    size = (volume.grid.size[1], volume.grid.size[0], volume.grid.size[2])
    for name in ("000001_01_01_001-040.nii.gz", "000001_02_01_001-040.nii.gz"):
        write_volume(Volume(rows, Grid(size, matrix)), folder / "dls" / name)
    side = {"center": [50.0, 52.5, 19.0], "spacing": [0.8, 0.8, 2.0], "recist diameter": [15.0, 10.0]}
    one = {f"source {key}": value for key, value in side.items()} | {f"target {key}": v for key, v in side.items()}
    first, second = "000001_01_01_001-040.nii.gz", "000001_02_01_001-040.nii.gz"
    entries = {"0001": {**one, "source": first, "target": second}, "0002": {**one, "source": second, "target": first}}
    path = folder / "train.json"
    path.write_text(json.dumps(entries))
    return path


def test_a_dls_file_lists_each_pair_twice_and_it_is_taken_once(tmp_path: Path) -> None:
    path = dls(tmp_path, made_volume(3))
    (pair,) = read_dls_pairs(path)
    assert pair.id == "0001"
    assert pair.source.center_mm == pytest.approx([40.0, 42.0, -38.0])  # (s x, s y, -s_z z)
    path.write_text(path.read_text().replace('"target spacing"', '"target spaces"', 1))
    with pytest.raises(FileFormatError, match=r"entry '0001' lacks 'target spacing'"):
        read_dls_pairs(path)


def test_a_sub_volume_that_lies_otherwise_is_refused() -> None:
    with pytest.raises(FileFormatError, match="does not lie as DeepLesion's converter writes"):
        require_dls_grid("x.nii.gz", made_volume(1).grid)


BAD = {
    "a file that is not there": (["nowhere.nii.gz"], {}, "no file or folder"),
    "nothing": ([], {}, "nothing to prepare"),
    "an excluded name that is not there": (["one.nii.gz", "--exclude", "oen"], {}, "'oen'"),
    "the same name twice": (["one.nii.gz", "one.nii.gz"], {}, "same name 'one'"),
    "a lesion outside": (["one.nii.gz"], {"one": [[400.0, 1.0, 1.0], 5.0]}, "[400.0, 1.0, 1.0]"),
    "a lesion without a radius": (["one.nii.gz"], {"one": [[40.0, 40.0, 40.0], -1.0]}, "radius_mm of 'a'"),
    "annotations without volumes": (["one.nii.gz", "--dls", "x.json"], {}, "--dls and --dls-volumes go together"),
    "pairs that are not there": (["--pairs", "none.json"], {}, "no file"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_prepared_is_named_and_leaves_nothing(
    tmp_path: Path, volumes: Path, capsys: pytest.CaptureFixture, name: str
) -> None:
    words, lesions, message = BAD[name]
    rows = {
        study: {"lesions": [{"id": "a", "center_mm": center, "radius_mm": radius}]}
        for study, (center, radius) in lesions.items()
    }
    (tmp_path / "lesions.json").write_text(json.dumps(rows))
    files = [str(volumes / word) if word.endswith(".nii.gz") else word for word in words]
    out = ["--out", str(tmp_path / "out"), "--lesions", str(tmp_path / "lesions.json")]
    assert main(["prepare", *out, *files]) == 2
    assert message in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["lesions.json"]


def test_a_volume_with_nan_is_refused_with_its_name() -> None:
    volume = made_volume(1)
    hu = volume.hu.astype(np.float32)
    hu[3, 4, 5] = np.nan
    with pytest.raises(FileFormatError, match="bad: 1 voxels are NaN"):
        prepare_study("bad", Volume(hu, volume.grid), [])


def test_a_folder_that_holds_something_is_not_overwritten(
    tmp_path: Path, volumes: Path, capsys: pytest.CaptureFixture
) -> None:
    made_folder(tmp_path / "data")
    before = sorted(p.name for p in (tmp_path / "data").iterdir())
    assert main(["prepare", str(volumes / "one.nii.gz"), "--out", str(tmp_path / "data")]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert sorted(p.name for p in (tmp_path / "data").iterdir()) == before


def test_structure_is_the_spread_of_hu_and_0_outside_of_the_body() -> None:
    hu = np.full((20, 80, 80), -1000, dtype=np.int16)
    hu[:, 8:72, 8:72] = 40
    hu[:, 40:, 8:72][:, :32] = 140  # two halves, 100 HU apart
    structure = measure_structure(hu)
    assert structure[5, 0, 0] == 0
    assert structure[5, 10, 10] == pytest.approx(50, abs=2)  # two of five rows of cells, or three: 49 HU
    assert structure[5, 5, 10] == pytest.approx(0, abs=1)
