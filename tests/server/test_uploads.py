"""Uploads and sessions: what comes in is checked, keeps its patient, and is never mixed up with another study."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import requests
import SimpleITK as sitk

from tests.server.clicks import baseline_clicks
from tests.server.conftest import ANSWER_S, Server

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def _upload(server: Server, file: Path, image: str, params: Any = None) -> requests.Response:
    with file.open("rb") as content:
        return requests.put(
            f"{server.url}/datastore/",
            params={"image": image},
            files={"file": (file.name, content)},
            data={"params": json.dumps(params or {})},
            timeout=ANSWER_S,
        )


def _resaved(server: Server, study: str, path: Path, pixel: int = sitk.sitkInt16, shift_mm: float = 0.0) -> Path:
    """Save a study again, as a viewer does."""
    image = sitk.Cast(sitk.ReadImage(str(server.studies / study)), pixel)
    x, y, z = image.GetOrigin()
    image.SetOrigin((x + shift_mm, y, z))
    for key in image.GetMetaDataKeys():
        image.EraseMetaData(key)
    sitk.WriteImage(image, str(path))
    return path


def test_an_upload_keeps_patient_and_date(server: Server, slicer_client: Any, tmp_path: Path) -> None:
    for name, source, date in (("first", "bob__20200101", "20190101"), ("second", "bob__20210101", "2019-06-01")):
        file = _resaved(server, f"{source}.nii.gz", tmp_path / f"{name}.nrrd")
        answer = slicer_client.upload_image(str(file), name, {"PatientID": "eve", "StudyDate": date})
        assert answer == {"image": name}
    slicer_client.infer("mark_lesion", "first", dict(baseline_clicks("bob")))
    _, params = slicer_client.infer("track_lesion", "second", {})
    assert params["baseline_image"] == "first"


@pytest.mark.parametrize("name", ["two words", "grün_Ö", "dot.in.name", "a+b&c=d%"])
def test_odd_names_work(server: Server, slicer_client: Any, tmp_path: Path, name: str) -> None:
    file = _resaved(server, "bob__20200101.nii.gz", tmp_path / "volume.nii.gz")
    assert slicer_client.upload_image(str(file), name, {"patient": name}) == {"image": name}
    _, params = slicer_client.infer("mark_lesion", name, {"lesion_1": [[40, 50, 30]]})
    assert params["lesions"][0]["study_id"] == name


@pytest.mark.parametrize(
    "name", ["a/b", "../x", "..", "C:\\ct", "what?", "a\u202eb", "a ", " a", "x" * 200, "ü" * 100, "ct.nrrd"]
)
def test_names_that_are_no_file_names_are_refused(server: Server, tmp_path: Path, name: str) -> None:
    file = _resaved(server, "bob__20200101.nii.gz", tmp_path / "volume.nrrd")
    answer = _upload(server, file, name)
    assert answer.status_code == 422, answer.text
    assert "rename the volume" in answer.json()["detail"]


def test_an_id_never_changes_its_volume(server: Server, tmp_path: Path) -> None:
    file = _resaved(server, "ann__20200101.nii.gz", tmp_path / "same.nrrd")
    assert _upload(server, file, "ann__20200101").status_code == 200
    other = _resaved(server, "bob__20200101.nii.gz", tmp_path / "other.nrrd")
    answer = _upload(server, other, "ann__20200101")
    assert answer.status_code == 409
    assert "rename it" in answer.json()["detail"]


BAD = {
    "empty.nii.gz": "it is empty (0 bytes): was the upload or copy cut off?",
    "text.nrrd": "it cannot be read as an image",
    "noise.nii": "it is not a NIfTI file, whatever its name says",
    "truncated.nrrd": "it cannot be read as an image: truncated",
    "flat.nrrd": "it is 2D (32 x 32)",
    "nan.nrrd": "voxels are NaN or infinite, the first, nan, at index",
    "inf.nrrd": "voxels are NaN or infinite, the first, inf, at index",
    "time.nrrd": "it is 4D (32 x 32 x 12 x 2)",
    "rgb.nrrd": "it has 3 values a voxel",
    "sheared.nii": "sheared",
}
"""What is no CT volume, with a part of the text that says so."""


def _bad_file(path: Path) -> Path:
    """Write the file of BAD that `path` names."""
    rng = np.random.default_rng(0)
    hu = rng.integers(-1000, 400, (12, 32, 32)).astype(np.int16)
    contents = {"empty.nii.gz": b"", "text.nrrd": b"hello", "noise.nii": b"\x00" * 400}
    arrays = {
        "truncated.nrrd": hu,
        "flat.nrrd": hu[0],
        "nan.nrrd": np.where(hu > 390, np.nan, hu).astype(np.float32),
        "inf.nrrd": np.where(hu > 390, np.inf, hu).astype(np.float32),
        "time.nrrd": np.stack([hu] * 2),
        "rgb.nrrd": np.stack([hu] * 3, -1).astype(np.uint8),
    }
    if path.name in contents:
        path.write_bytes(contents[path.name])
    elif path.name == "sheared.nii":
        lps_from_index = np.eye(4)
        lps_from_index[0, 1] = 0.2
        nib.save(nib.Nifti1Image(hu.T, lps_from_index), path)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(arrays[path.name], isVector=path.name == "rgb.nrrd"), str(path), False)
    if path.name == "truncated.nrrd":
        path.write_bytes(path.read_bytes()[:8000])
    return path


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_ct_volume_is_refused_and_leaves_nothing(server: Server, tmp_path: Path, name: str) -> None:
    path = _bad_file(tmp_path / name)
    before = sorted(file.name for file in server.studies.iterdir())
    answer = _upload(server, path, "bad")
    assert answer.status_code == 422, answer.text
    assert BAD[name] in answer.json()["detail"]
    assert sorted(file.name for file in server.studies.iterdir()) == before
    assert server.infer("mark_lesion", "bad", json.dumps({"lesion_1": [[1, 1, 1]]})).status_code == 404


@pytest.mark.parametrize(
    ("params", "text"),
    [({"StudyDate": "soon"}, "is no date"), ({"date": "20201341"}, "is no date"), ([], "JSON object")],
)
def test_wrong_params_of_an_upload_are_refused(server: Server, tmp_path: Path, params: Any, text: str) -> None:
    file = _resaved(server, "bob__20200101.nii.gz", tmp_path / "volume.nrrd")
    with file.open("rb") as content:
        answer = requests.put(
            f"{server.url}/datastore/",
            params={"image": "wrong"},
            files={"file": (file.name, content)},
            data={"params": json.dumps(params)},
            timeout=ANSWER_S,
        )
    assert (answer.status_code, text in answer.json()["detail"]) == (422, True)


def test_a_file_of_another_kind_is_refused(server: Server, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(b"%PDF")
    answer = _upload(server, tmp_path / "report.pdf", "report")
    assert (answer.status_code, "is no image file" in answer.json()["detail"]) == (422, True)


@pytest.mark.parametrize(("pixel", "ending"), [(sitk.sitkInt16, ".nii.gz"), (sitk.sitkFloat32, ".nrrd")])
def test_a_session_volume_is_recognised_by_its_voxels(
    server: Server, slicer_client: Any, marked: Callable[[str], None], tmp_path: Path, pixel: int, ending: str
) -> None:
    marked("ann")
    file = _resaved(server, "ann__20210101.nii.gz", tmp_path / f"Volume_1{ending}", pixel)
    session = slicer_client.create_session(str(file))["session_id"]
    _, params = slicer_client.infer("track_lesion", "Volume_1", {}, session_id=session)
    assert (params["baseline_image"], params["followup_image"]) == ("ann__20200101", "ann__20210101")


def test_a_session_volume_of_nobody_is_refused(server: Server, tmp_path: Path, marked: Callable[[str], None]) -> None:
    marked("ann")
    file = _resaved(server, "ann__20210101.nii.gz", tmp_path / "moved.nrrd", shift_mm=1.0)
    with file.open("rb") as content:
        session = requests.put(
            f"{server.url}/session/", files=[("files", (file.name, content))], timeout=ANSWER_S
        ).json()
    for model, params in (("track_lesion", {}), ("mark_lesion", {"lesion_1": [[40, 50, 30]]})):
        answer = server.infer(model, "", json.dumps(params), session_id=session["session_id"])
        assert answer.status_code == 422
        assert "upload it first, or open the study with Next Sample" in answer.json()["detail"]


def test_a_file_sent_with_the_request_is_recognised_too(
    server: Server, monailabel_client: Any, marked: Callable[[str], None], tmp_path: Path
) -> None:
    marked("ann")
    file = _resaved(server, "ann__20210101.nii.gz", tmp_path / "sent.nii.gz")
    _, params = monailabel_client.infer("track_lesion", "", {}, file=str(file))
    assert params["followup_image"] == "ann__20210101"


def test_a_removed_study_takes_its_marks_along(server: Server, tmp_path: Path) -> None:
    file = _resaved(server, "bob__20200101.nii.gz", tmp_path / "volume.nrrd")
    assert _upload(server, file, "gone", {"patient": "gone", "date": "20200101"}).status_code == 200
    assert server.infer("mark_lesion", "gone", json.dumps({"lesion_1": [[40, 50, 30]]})).status_code == 200
    assert requests.delete(f"{server.url}/datastore/image", params={"id": "gone"}, timeout=ANSWER_S).status_code == 200
    assert requests.delete(f"{server.url}/datastore/image", params={"id": "never"}, timeout=ANSWER_S).status_code == 404
    assert server.infer("mark_lesion", "gone", "{}").status_code == 404
    assert _upload(server, file, "gone", {"patient": "gone", "date": "20200101"}).status_code == 200
    answer = server.infer("mark_lesion", "gone", "{}")
    assert (answer.status_code, "nothing is marked" in answer.json()["detail"]) == (422, True)


def test_next_study_answers_with_a_study(server: Server, slicer_client: Any) -> None:
    sample = slicer_client.next_sample("next_study", {})
    assert sample == {} or (server.studies / sample["name"]).exists()
