"""Mark, track and correct through clients that nobody here wrote."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import SimpleITK as sitk

from tests.server.clicks import baseline_clicks, click_lesions, expected_mm
from tests.server.conftest import ANSWER_S, ROOT, Server
from tests.server.phantom import SPACING_MM

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

CLICK_MM = float(np.linalg.norm(SPACING_MM / 2.0))
"""A click is a whole voxel: at most half a voxel's diagonal from the drawn centre."""

AFFINE_MM = 4.0
"""What affine registration may miss a lesion by in these drawings of 3 mm, beside the click's rounding."""

TRACK = {"baseline_image": "", "method": "default", "patient": ""}
SLICER_PYTHON = Path(os.environ.get("SLICER_PYTHON", ROOT / ".venv-slicer" / "bin" / "python"))
needs_slicer = pytest.mark.skipif(
    not SLICER_PYTHON.exists(), reason="slicer-core is not installed (.venv-slicer): Slicer's own code was not run"
)


def _points(markups: str) -> dict[str, np.ndarray]:
    points = json.loads(Path(markups).read_text())["markups"][0]["controlPoints"]
    return {point["label"]: np.array(point["position"]) for point in points}


def test_slicers_plugin_marks_and_tracks(slicer_client: Any, marked: Callable[[str], None]) -> None:
    marked("ann")
    file, params = slicer_client.infer("track_lesion", "ann__20210101", dict(TRACK))
    assert file.endswith(".json")
    points = _points(file)
    assert list(points) == ["lesion_1", "lesion_2"]
    np.testing.assert_allclose(list(points.values()), expected_mm("ann"), atol=CLICK_MM + AFFINE_MM)
    assert params["label_names"] == {"lesion_1": 1, "lesion_2": 2}
    assert [track["center_mm"] for track in params["tracks"]] == [list(point) for point in points.values()]
    assert all(track["method"].startswith("affine") for track in params["tracks"])
    assert (params["baseline_image"], params["followup_image"]) == ("ann__20200101", "ann__20210101")
    assert params["seconds"]["total"] > 0


def test_slicers_mark_shows_the_marks(slicer_client: Any) -> None:
    file, params = click_lesions(slicer_client, "ann")
    truth = np.array([lesion["center_mm"] for lesion in params["lesions"]])
    np.testing.assert_allclose(list(_points(file).values()), truth, atol=1e-6)
    assert [lesion["radius_source"] for lesion in params["lesions"]] == ["measured", "measured"]
    assert [lesion["radius_mm"] for lesion in params["lesions"]] == pytest.approx([9.0, 7.0], rel=0.25)
    assert {lesion["marked_by"] for lesion in params["lesions"]} == {"unnamed, via Slicer"}


def test_monailabels_python_client_tracks_and_corrects(
    server: Server, monailabel_client: Any, marked: Callable[[str], None]
) -> None:
    marked("bob")
    file, params = monailabel_client.infer("track_lesion", "bob__20210101", {"method": "affine"})
    tracked = params["tracks"][0]["center_mm"]
    assert np.linalg.norm(np.array(tracked) - expected_mm("bob")[0]) < CLICK_MM + AFFINE_MM
    moved = [40, 50, 30]
    file, params = monailabel_client.infer(
        "correct_lesion", "bob__20210101", {"lesion_1": [[1, 1, 1], moved], "lesion_2": []}
    )
    (correction,) = params["corrections"]
    assert correction["track"]["center_mm"] == tracked
    assert correction["corrected_by"] == "unnamed, via Slicer"
    assert correction["corrected_at"]
    image = sitk.ReadImage(str(server.studies / "bob__20210101.nii.gz"))
    np.testing.assert_allclose(correction["center_mm"], image.TransformIndexToPhysicalPoint(moved), atol=1e-3)
    points = _points(file)
    np.testing.assert_allclose(points["lesion_1"], correction["center_mm"], atol=1e-6)
    assert len(points) == 2


def test_a_client_that_leaves_no_mark_gets_markups(server: Server, marked: Callable[[str], None]) -> None:
    marked("ann")
    answer = server.infer("track_lesion", "ann__20210101", "{}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("multipart/form-data")
    assert '"type": "Fiducial"' in answer.text


def test_output_json_is_the_params_alone(server: Server, marked: Callable[[str], None]) -> None:
    marked("ann")
    answer = server.infer("track_lesion", "ann__20210101", "{}", output="json")
    assert answer.headers["content-type"].startswith("application/json")
    assert [track["lesion_id"] for track in answer.json()["tracks"]] == ["lesion_1", "lesion_2"]


OHIF = {"result_extension": ".nrrd", "result_dtype": "uint8", "result_compress": False, "restore_label_idx": False}
"""What OHIF adds to every request; it sends no client_id, and only options that were changed."""


def _ohif(server: Server, model: str, image: str, **params: Any) -> requests.Response:
    return server.infer(model, image, json.dumps({**params, **OHIF}), output="image")


def _label_map(answer: requests.Response, folder: Path) -> sitk.Image:
    assert answer.status_code == 200, answer.text
    assert b"encoding: raw" in answer.content[:1000]
    assert b"type: unsigned char" in answer.content[:1000] or b"type: uint8" in answer.content[:1000]
    path = folder / "answer.nrrd"
    path.write_bytes(answer.content)
    return sitk.ReadImage(str(path))


@pytest.mark.parametrize(("study", "file"), [("20210101", "20210101.nii.gz"), ("20220101", "20220101.nrrd")])
def test_ohif_gets_spheres_on_the_followups_grid(
    server: Server, marked: Callable[[str], None], tmp_path: Path, study: str, file: str
) -> None:
    marked("ann")
    answer = _ohif(server, "track_lesion", f"ann__{study}", baseline_image="ann__20200101")
    spheres = _label_map(answer, tmp_path)
    image = sitk.ReadImage(str(server.studies / f"ann__{file}"))
    assert spheres.GetSize() == image.GetSize()
    np.testing.assert_allclose(spheres.GetSpacing(), image.GetSpacing(), atol=1e-4)
    np.testing.assert_allclose(spheres.GetOrigin(), image.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(spheres.GetDirection(), image.GetDirection(), atol=1e-5)
    array = sitk.GetArrayFromImage(spheres)
    assert array.dtype == np.uint8
    assert set(np.unique(array)) == {0, 1, 2}
    for value, truth in enumerate(expected_mm("ann", study), start=1):
        k, j, i = np.argwhere(array == value).mean(axis=0)
        middle = spheres.TransformContinuousIndexToPhysicalPoint((i, j, k))
        assert np.linalg.norm(np.array(middle) - truth) < CLICK_MM + AFFINE_MM


def test_ohifs_class_prompts_track_only_what_is_ticked(
    server: Server, marked: Callable[[str], None], tmp_path: Path
) -> None:
    marked("ann")
    spheres = _label_map(_ohif(server, "track_lesion", "ann__20210101", label_prompt=[2]), tmp_path)
    assert set(np.unique(sitk.GetArrayFromImage(spheres))) == {0, 2}


def test_ohifs_clicks_mark_and_correct(server: Server, tmp_path: Path) -> None:
    clicks = baseline_clicks("dea")
    marks = _label_map(_ohif(server, "mark_lesion", "dea__20200101", background=[], **clicks), tmp_path)
    array = sitk.GetArrayFromImage(marks)
    for name, ((i, j, k),) in clicks.items():
        assert array[k, j, i] == int(name.removeprefix("lesion_"))
    _label_map(_ohif(server, "track_lesion", "dea__20210101"), tmp_path)
    corrected = _label_map(
        _ohif(server, "correct_lesion", "dea__20210101", background=[], lesion_2=[[50, 50, 30]]), tmp_path
    )
    assert sitk.GetArrayFromImage(corrected)[30, 50, 50] == 2


def test_a_lesion_beyond_the_viewers_labels_is_named(server: Server, tmp_path: Path) -> None:
    lesions = [
        {"id": name, "center_mm": [-58, -20, -316], "radius_mm": 6} for name in ("lesion_1", "lesion_21", "node")
    ]
    params = {"baseline_image": "cid__20200101", "lesions": lesions}
    answer = server.infer("track_lesion", "cid__20210101", json.dumps(params), output="json").json()
    assert answer["left_out"] == ["lesion_21", "node"]
    assert "lesion_21, node" in answer["warnings"][0]
    assert len(answer["tracks"]) == 3
    spheres = _label_map(_ohif(server, "track_lesion", "cid__20210101", **params), tmp_path)
    assert set(np.unique(sitk.GetArrayFromImage(spheres))) == {0, 1}


def test_info_is_what_both_viewers_need(server: Server) -> None:
    info = requests.get(f"{server.url}/info/", timeout=ANSWER_S).json()
    assert info["labels"] == [f"lesion_{n}" for n in range(1, 21)]
    assert {name: model["type"] for name, model in info["models"].items()} == {
        "mark_lesion": "deepedit",
        "track_lesion": "segmentation",
        "correct_lesion": "deepedit",
    }
    options = info["models"]["track_lesion"]["config"]
    assert (options["baseline_image"], options["patient"]) == ("", "")
    assert "auto" in options["method"]
    assert list(info["trainers"]) == ["track_lesion"]
    assert list(info["strategies"]) == ["next_study", "least_confident"]


@needs_slicer
@pytest.mark.parametrize(("study", "file"), [("20210101", "20210101.nii.gz"), ("20220101", "20220101.nrrd")])
def test_slicer_itself_shows_the_point_where_the_track_says(
    server: Server, slicer_client: Any, marked: Callable[[str], None], study: str, file: str
) -> None:
    marked("ann")
    markups, params = slicer_client.infer("track_lesion", f"ann__{study}", {**TRACK, "baseline_image": "ann__20200101"})
    probe = Path(__file__).with_name("slicer_probe.py")
    command = [str(SLICER_PYTHON), str(probe), str(server.studies / f"ann__{file}"), markups]
    run = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    seen = json.loads(run.stdout[run.stdout.index("{") :])
    image = sitk.ReadImage(str(server.studies / f"ann__{file}"))
    assert len(params["tracks"]) == 2
    for track in params["tracks"]:
        x, y, z = track["center_mm"]
        np.testing.assert_allclose(seen["points_ras"][track["lesion_id"]], [-x, -y, z], atol=0.5)
        voxel = image.TransformPhysicalPointToContinuousIndex((x, y, z))
        np.testing.assert_allclose(seen["ijk"][track["lesion_id"]], voxel, atol=0.5 / 3.0)
