"""A real server on a real PACS: mark, track and correct by series, whatever arrived, went or was opened before."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import pytest
import requests

from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from tests.pacs.orthanc import Orthanc, drawn_series, needs_orthanc
from tests.pacs.test_listing import REFUSED
from tests.server.clicks import baseline_clicks
from tests.server.conftest import ANSWER_S, APP, Server
from tests.server.fuzzing import needs_schemathesis, require_no_fault
from tests.server.phantom import PATIENTS, SHIFTS_MM, SPACING_MM, Patient

pytestmark = [
    pytest.mark.pacs,
    pytest.mark.server,
    needs_orthanc,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

TOLERANCE_MM = float(np.linalg.norm(SPACING_MM / 2.0)) + 4.0
"""A click is a whole voxel, and affine registration of these drawings may miss by 4 mm."""

OHIF = {"result_extension": ".nrrd", "result_dtype": "uint8", "result_compress": False, "restore_label_idx": False}
PATIENT = {patient.name: patient for patient in PATIENTS}

Send = Callable[..., str]


@pytest.fixture
def send(orthanc: Orthanc, tmp_path: Path) -> Send:
    """Return a function that stores a series and returns its SeriesInstanceUID."""

    def store(volume: Volume, **names: Any) -> str:
        uid, files = drawn_series(tmp_path, volume, **names)
        orthanc.send(files)
        return uid

    return store


def _post(server: Server, model: str, image: str, params: dict[str, Any] | None = None, **query: str) -> Any:
    return server.infer(model, image, json.dumps(params or {}), **{"output": "json", **query})


def _ok(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _refused(answer: requests.Response, status: int, *texts: str) -> None:
    assert answer.status_code == status, answer.text
    for text in texts:
        assert text in answer.json()["detail"]


def _cropped(patient: Patient, **study: Any) -> Volume:
    """Return the same scan without its first 6 slices: another series of the study."""
    whole = patient.study(**study)
    matrix = whole.grid.lps_from_index.copy()
    matrix[:3, 3] = whole.grid.lps_from_indices(np.array([[0.0, 0.0, 6.0]]))[0]
    return Volume(whole.hu[6:], Grid((whole.grid.size[0], whole.grid.size[1], whole.grid.size[2] - 6), matrix))


def test_mark_track_correct_with_a_study_that_arrives_in_between(server: Server, send: Send) -> None:
    ann = PATIENT["ann"]
    old = send(ann.study(), patient="ann", study="ann old", series="axial", date="20200101")
    marked = _ok(_post(server, "mark_lesion", old, baseline_clicks("ann")))
    assert [lesion["id"] for lesion in marked["lesions"]] == ["lesion_1", "lesion_2"]
    new = send(ann.study(SHIFTS_MM["ann"]), patient="ann", study="ann new", series="axial", date="20210101")
    answer = server.infer("track_lesion", new, json.dumps(OHIF), output="image")
    assert answer.status_code == 200, answer.text
    tracked = _ok(_post(server, "track_lesion", new))
    truth = np.array(ann.lesions_mm) + np.array(SHIFTS_MM["ann"])
    np.testing.assert_allclose([track["center_mm"] for track in tracked["tracks"]], truth, atol=TOLERANCE_MM)
    assert (tracked["baseline_image"], tracked["followup_image"]) == (old, new)
    corrected = _ok(_post(server, "correct_lesion", new, {"lesion_1": [[30, 41, 29]]}))
    np.testing.assert_allclose(
        corrected["corrections"][0]["center_mm"], np.array([-143.0, -151.0, -410.0]) + 3.0 * np.array([30, 41, 29])
    )


def test_ohif_gets_balls_on_the_grid_of_the_series(server: Server, send: Send, tmp_path: Path) -> None:
    bob = PATIENT["bob"]
    old = send(bob.study(), patient="bob", study="bob old", series="axial", date="20200101")
    _ok(_post(server, "mark_lesion", old, baseline_clicks("bob")))
    answer = server.infer("mark_lesion", old, json.dumps(OHIF), output="image")
    assert answer.status_code == 200, answer.text
    (tmp_path / "answer.nrrd").write_bytes(answer.content)
    voxels, _ = nrrd.read(str(tmp_path / "answer.nrrd"))
    assert voxels.shape == (96, 96, 60)
    for value, center in enumerate(bob.lesions_mm, start=1):
        index = np.argwhere(voxels == value).mean(axis=0)
        np.testing.assert_allclose(index * 3.0 + np.array([-143.0, -151.0, -410.0]), center, atol=2.6)


def test_a_series_of_the_marked_study_in_the_same_frame_shows_the_marks(server: Server, send: Send) -> None:
    cid = PATIENT["cid"]
    names = {"patient": "cid", "study": "cid old", "date": "20200101"}
    first = send(cid.study(), series="soft", frame_of_reference_uid="1.2.826.1", **names)
    second = send(_cropped(cid), series="lung", frame_of_reference_uid="1.2.826.1", **names)
    third = send(_cropped(cid), series="repeat", frame_of_reference_uid="1.2.826.2", **names)
    marks = {
        lesion["id"]: lesion["center_mm"]
        for lesion in _ok(_post(server, "mark_lesion", first, baseline_clicks("cid")))["lesions"]
    }
    passed = _ok(_post(server, "track_lesion", second))["tracks"]
    assert {track["lesion_id"]: track["center_mm"] for track in passed} == marks
    assert {track["method"] for track in passed} == {"same frame of reference"}
    registered = _ok(_post(server, "track_lesion", third))["tracks"]
    assert all(track["method"].startswith("affine") for track in registered)
    np.testing.assert_allclose([track["center_mm"] for track in registered], list(marks.values()), atol=TOLERANCE_MM)


def test_a_marked_series_that_is_gone_is_replaced_in_its_frame(server: Server, send: Send, orthanc: Orthanc) -> None:
    dea = PATIENT["dea"]
    names = {"patient": "dea", "study": "dea old", "date": "20200101"}
    marked = send(dea.study(), series="marked", frame_of_reference_uid="1.2.826.3", **names)
    other = send(_cropped(dea), series="other", frame_of_reference_uid="1.2.826.3", **names)
    short = send(
        Volume(dea.study().hu[:20], Grid((96, 96, 20), dea.study().grid.lps_from_index)), series="short", **names
    )
    new = send(dea.study(SHIFTS_MM["dea"]), patient="dea", study="dea new", series="axial", date="20210101")
    _ok(_post(server, "mark_lesion", marked, baseline_clicks("dea")))
    orthanc.remove_series(marked)
    answer = _ok(_post(server, "track_lesion", new))
    assert answer["baseline_image"] == other
    note = next(text for text in answer["warnings"] if marked in text)
    assert f"is no longer on the PACS; took {other}" in note
    assert "162 mm in slices 3 mm apart" in note
    assert short in note
    truth = np.array(dea.lesions_mm) + np.array(SHIFTS_MM["dea"])
    np.testing.assert_allclose([track["center_mm"] for track in answer["tracks"]], truth, atol=TOLERANCE_MM)
    named = _ok(_post(server, "track_lesion", new, {"baseline_image": other}))
    assert named["baseline_image"] == other
    _refused(_post(server, "track_lesion", new, {"baseline_image": short}), 422, "nothing is marked in", short)


def test_a_marked_series_that_is_gone_is_registered_where_the_frame_differs(
    server: Server, send: Send, orthanc: Orthanc
) -> None:
    ann = PATIENT["ann"]
    names = {"patient": "eve", "study": "eve old", "date": "20200101"}
    marked = send(ann.study(), series="marked", **names)
    other = send(_cropped(ann), series="other", **names)
    new = send(ann.study(SHIFTS_MM["ann"]), patient="eve", study="eve new", series="axial", date="20210101")
    _ok(_post(server, "mark_lesion", marked, baseline_clicks("ann")))
    orthanc.remove_series(marked)
    answer = _ok(_post(server, "track_lesion", new))
    assert any(f"series {other} has another frame of reference" in text for text in answer["warnings"])
    truth = np.array(ann.lesions_mm) + np.array(SHIFTS_MM["ann"])
    np.testing.assert_allclose([track["center_mm"] for track in answer["tracks"]], truth, atol=TOLERANCE_MM)


def test_the_series_that_is_registered_ahead_is_chosen_and_shown(server: Server, send: Send) -> None:
    ann = PATIENT["ann"]
    old = send(ann.study(), patient="fay", study="fay old", series="axial", date="20200101")
    names = {"patient": "fay", "study": "fay new", "date": "20210101"}
    whole = send(ann.study(SHIFTS_MM["ann"]), series="whole", **names)
    send(Volume(ann.study().hu[:20], Grid((96, 96, 20), ann.study().grid.lps_from_index)), series="part", **names)
    _ok(_post(server, "mark_lesion", old, baseline_clicks("ann")))
    wanted = f"done in the background: register {old} -> {whole}"
    for _ in range(ANSWER_S * 4):
        if wanted in server.log.read_text():
            break
        requests.get(f"{server.url}/info/", timeout=ANSWER_S)
        time.sleep(0.25)
    log = server.log.read_text()
    assert wanted in log
    assert f"to register with {old}: chose series {whole} (whole: 180 mm in slices 3 mm apart)" in log


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_scan_is_refused_and_nothing_is_kept(server: Server, send: Send, name: str) -> None:
    change, reason = REFUSED[name]
    study = PATIENTS[0].study()
    small = Volume(study.hu[:12], Grid((96, 96, 12), study.grid.lps_from_index))
    uid = send(small, patient=f"no scan {name}", study=f"no scan {name}", series="s", date="20200101", change=change)
    _refused(_post(server, "mark_lesion", uid, {"lesion_1": [[40, 40, 5]]}), 422, reason)
    _refused(_post(server, "track_lesion", uid), 422, "this is the only study of the patient on the PACS")
    assert not list((server.studies / "data").rglob(f"{uid}.jsonl"))


def test_studies_whose_order_is_open_are_listed(server: Server, send: Send) -> None:
    def without_times(dataset: Any, number: int) -> bool:
        for name in ("StudyTime", "AcquisitionTime"):
            setattr(dataset, name, "")
        return True

    ann = PATIENT["ann"]
    names = {"patient": "gil", "series": "axial", "date": "20200101", "change": without_times}
    one, two = (send(ann.study(), study=f"gil {n}", **names) for n in range(2))
    _ok(_post(server, "mark_lesion", one, baseline_clicks("ann")))
    _refused(_post(server, "track_lesion", two), 422, "cannot be decided", one, two, "baseline_image")
    assert _ok(_post(server, "track_lesion", two, {"baseline_image": one}))["baseline_image"] == one


def test_a_follow_up_without_marks_says_what_to_do(server: Server, send: Send) -> None:
    ann = PATIENT["ann"]
    old = send(ann.study(), patient="hal", study="hal old", series="axial", date="20200101")
    new = send(ann.study(), patient="hal", study="hal new", series="axial", date="20210101")
    _refused(_post(server, "track_lesion", new), 422, "no earlier study with marked lesions", old, "mark_lesion")


def test_a_series_that_nobody_has_and_an_id_that_is_none(server: Server) -> None:
    _refused(_post(server, "mark_lesion", "1.2.3.4.5", {"lesion_1": [[1, 1, 1]]}), 404, "no study '1.2.3.4.5'")
    for text in ("../../etc/passwd", "1.2*", "*"):
        _refused(_post(server, "mark_lesion", text, {"lesion_1": [[1, 1, 1]]}), 422, "SeriesInstanceUID")


def test_points_of_a_request_ask_for_their_series(server: Server, send: Send) -> None:
    ann = PATIENT["ann"]
    names = {"patient": "ida", "study": "ida old", "date": "20200101"}
    one = send(ann.study(), series="one", **names)
    send(_cropped(ann), series="two", **names)
    new = send(ann.study(SHIFTS_MM["ann"]), patient="ida", study="ida new", series="axial", date="20210101")
    lesions = {"lesions": [{"id": "a", "center_mm": list(ann.lesions_mm[0]), "radius_mm": 9.0}]}
    _refused(_post(server, "track_lesion", new, lesions), 422, "could belong to any of the series", one)
    assert _ok(_post(server, "track_lesion", new, lesions | {"baseline_image": one}))["baseline_image"] == one


def test_slicer_gets_a_volume_and_next_sample_a_series(server: Server, send: Send, tmp_path: Path) -> None:
    uid = send(PATIENTS[0].study(), patient="0 first", study="jan", series="axial", date="20200101")
    sample = requests.post(f"{server.url}/activelearning/next_study", json={}, timeout=ANSWER_S).json()
    assert sample["id"] == uid
    file = requests.get(f"{server.url}/datastore/image", params={"image": uid}, timeout=ANSWER_S)
    assert file.status_code == 200
    assert file.content[:2] == b"\x1f\x8b"
    assert (
        requests.head(f"{server.url}/datastore/image", params={"image": "1.2.3"}, timeout=ANSWER_S).status_code == 404
    )


def test_ohifs_way_to_the_images_reaches_only_images(server: Server, orthanc: Orthanc) -> None:
    proxy = f"{server.url}/proxy/dicom/qido"
    found = requests.get(f"{proxy}/studies?limit=1", timeout=ANSWER_S)
    assert found.status_code == 200
    assert len(found.json()) == 1
    for path in ("statistics", "studies/%2e%2e/%2e%2e/system", "instances/..%2f..%2fsystem", "tools/execute-script"):
        assert requests.get(f"{proxy}/{path}", timeout=ANSWER_S).status_code in (404, 422), path


def test_uploads_and_label_files_belong_elsewhere(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.nrrd").write_bytes(b"x")
    with (tmp_path / "x.nrrd").open("rb") as file:
        answer = requests.put(f"{server.url}/datastore/label?image=1.2", files={"label": file}, timeout=ANSWER_S)
    _refused(answer, 422, "reads its studies from a PACS")


def test_a_pacs_that_goes_down_costs_an_answer_and_nothing_else(server: Server, send: Send, orthanc: Orthanc) -> None:
    ann = PATIENT["ann"]
    old = send(ann.study(), patient="joy", study="joy old", series="axial", date="20200101")
    new = send(ann.study(SHIFTS_MM["ann"]), patient="joy", study="joy new", series="axial", date="20210101")
    _ok(_post(server, "mark_lesion", old, baseline_clicks("ann")))
    orthanc.stop()
    try:
        start = time.monotonic()
        _refused(_post(server, "track_lesion", new), 502, "cannot be reached (Connection refused)", "is it running?")
        _refused(_post(server, "mark_lesion", old, {"lesion_3": [[40, 40, 30]]}), 502, "cannot be reached")
        down = requests.post(f"{server.url}/activelearning/next_study", json={}, timeout=ANSWER_S)
        _refused(down, 502, "cannot be reached")
        assert requests.get(f"{server.url}/proxy/dicom/qido/studies", timeout=ANSWER_S).status_code == 502
        assert requests.get(f"{server.url}/info/", timeout=ANSWER_S).status_code == 200
        assert time.monotonic() - start < ANSWER_S
    finally:
        orthanc.start()
    answer = _ok(_post(server, "track_lesion", new))
    assert [track["lesion_id"] for track in answer["tracks"]] == ["lesion_1", "lesion_2"]


@needs_schemathesis
def test_schemathesis_finds_no_fault_in_the_routes_of_a_server_on_a_pacs(server: Server, tmp_path: Path) -> None:
    paths = r"^/(infer/\{model\}|ohif/lesions|lesions|activelearning/|datastore/image)"
    require_no_fault(server, paths, tmp_path, least=50, examples=6)


def test_nothing_temporary_is_left_and_nothing_was_downloaded(server: Server) -> None:
    left = [path.name for path in (server.studies / "tmp").rglob("*") if path.is_file()]
    assert [name for name in left if ".nii" in name or name.startswith(("lesions_", "received_", "session_"))] == []
    assert len(list((server.studies / "cache").glob("*/entries/*.nii.gz"))) <= 1  # what Slicer asked for
    assert not list(APP.glob("bin/*"))
    assert "dcmqi" not in server.log.read_text()
    assert "Traceback" not in server.log.read_text()
