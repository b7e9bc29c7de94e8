"""Bad input through the wire: each case gets its status and a text that says what is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import SimpleITK as sitk

from tests.server.conftest import ANSWER_S, Server

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]

POINT = [-58.0, -20.0, -316.0]


def _lesion(**changes: Any) -> dict[str, Any]:
    return {"id": "lesion_1", "center_mm": POINT, "radius_mm": 8.0, **changes}


def _detail(answer: requests.Response) -> str:
    return str(answer.json()["detail"])


IMAGES = [
    ("", 422, "names no image"),
    ("nobody", 404, "no study 'nobody'"),
    ("/etc/passwd", 422, "not by a path or URL"),
    ("/etc/hostname", 422, "not by a path or URL"),
    ("../ann__20200101", 422, "not by a path or URL"),
    ("..", 422, "no study id"),
    ("http://127.0.0.1:1/ct.nii.gz", 422, "not by a path or URL"),
    ("file:///etc/passwd", 422, "not by a path or URL"),
    ("ann__20200101.nii.gz", 404, "no study"),
    ("a\\b", 422, "not by a path or URL"),
]


@pytest.mark.parametrize("model", ["mark_lesion", "track_lesion", "correct_lesion"])
@pytest.mark.parametrize(("image", "status", "text"), IMAGES)
def test_an_image_that_is_no_study_is_refused(server: Server, model: str, image: str, status: int, text: str) -> None:
    answer = server.infer(model, image, json.dumps({"lesion_1": [[5, 5, 5]]}))
    assert (answer.status_code, text in _detail(answer)) == (status, True), answer.text


@pytest.mark.parametrize(("image", "status", "text"), IMAGES[1:])
def test_a_baseline_that_is_no_study_is_refused(server: Server, image: str, status: int, text: str) -> None:
    answer = server.infer("track_lesion", "ann__20210101", json.dumps({"baseline_image": image}))
    assert (answer.status_code, text in _detail(answer)) == (status, True), answer.text


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ("{", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        ('"x"', "must be a JSON object"),
        ('{"a": NaN}', "NaN is no number of JSON"),
        ('{"image": "/etc/passwd"}', "params must not carry image"),
        ('{"model": "x", "session": {}}', "params must not carry model, session"),
        ('{"method": "magic"}', "must be one of default, auto, dlt, affine, deformable, bspline, got 'magic'"),
        ('{"method": 7}', "must be text, got '7' (int)"),
        ('{"baseline_image": ["a", 1]}', "no study 'a'"),
        ('{"baseline_image": {"a": 1}}', "must be text"),
        ('{"baseline_image": "ann__20210101"}', "are the same study"),
        ('{"patient": "bob"}', "the patient of study 'ann__20210101' is 'ann'"),
        ('{"label_prompt": [19]}', "asks for none of the marked lesions"),
        ('{"restore_label_idx": false, "result_extension": ".exe"}', "result_extension must be one of .nrrd"),
    ],
)
def test_wrong_params_of_a_track_are_refused(
    server: Server, marked: Callable[[str], None], params: str, text: str
) -> None:
    marked("ann")
    answer = server.infer("track_lesion", "ann__20210101", params)
    assert answer.status_code in (404, 422), answer.text
    assert text in _detail(answer)


def test_a_baseline_of_another_patient_is_tracked_and_every_answer_says_so(
    server: Server, marked: Callable[[str], None]
) -> None:
    marked("bob")
    params = json.dumps({"baseline_image": "bob__20200101", "method": "affine"})
    answer = server.infer("track_lesion", "ann__20210101", params, output="json").json()
    said = (
        "the baseline is of patient 'bob', the follow-up of 'ann' (tracked all the same: baseline_image)",
        "backward in time: the follow-up's date 20200101 lies before the baseline's 20210101 "
        "(tracked all the same: baseline_image)",
    )
    assert said[0] in answer["warnings"]
    assert all(said[0] in track["warnings"] for track in answer["tracks"])
    marked("ann")
    params = json.dumps({"baseline_image": "ann__20210101", "lesions": [_lesion()], "method": "affine"})
    answer = server.infer("track_lesion", "ann__20200101", params, output="json").json()
    assert said[1] in answer["warnings"]


@pytest.mark.parametrize(
    ("lesions", "text"),
    [
        ("x", "must be a list of objects"),
        ([1], "must be a list of objects"),
        ([], "1 to 500 are possible"),
        ([_lesion()] * 2, "names lesion_1 more than once"),
        ([_lesion(id=f"l{n}") for n in range(501)], "has 501 entries"),
        ([_lesion(colour="red")], "unknown key colour"),
        ([{"id": "lesion_1"}], "center_mm, radius_mm is missing"),
        ([_lesion(id="")], "needs an id"),
        ([_lesion(id=7)], "id must be a text, got 7"),
        ([_lesion(center_mm=[1, 2])], "three"),
        ([_lesion(center_mm=[1, 2, 3, 4])], "three"),
        ([_lesion(center_mm="1 2 3")], "three"),
        ([_lesion(center_mm=[1, 2, "x"])], "three"),
        ([_lesion(center_mm=[1, 2, None])], "three"),
        ([_lesion(center_mm=[1, 2, 1e999])], "NaN"),
        ([_lesion(radius_mm=0)], "between 0.5 and 200 mm, got 0"),
        ([_lesion(radius_mm=-3)], "between 0.5 and 200 mm, got -3"),
        ([_lesion(radius_mm=1000)], "between 0.5 and 200 mm, got 1000"),
        ([_lesion(radius_mm="8")], "radius_mm must be a number, got '8'"),
        ([_lesion(radius_mm=True)], "radius_mm must be a number, got True"),
        ([_lesion(center_mm=[58, 20, -316])], "outside study"),
        ([_lesion(center_mm=[58, 145, -316])], "Slicer points are RAS: were x and y negated?"),
        ([_lesion(center_mm=[0, 0, 0])], "Are these voxel indices?"),
    ],
)
def test_wrong_lesions_are_refused(server: Server, lesions: Any, text: str) -> None:
    params = json.dumps({"baseline_image": "ann__20200101", "lesions": lesions})
    if "Infinity" in params:
        params, text = params.replace("Infinity", "1e999"), "too large"
    if text == "outside study":
        params = params.replace("[58, 20, -316]", "[580, 20, -316]")
    answer = server.infer("track_lesion", "ann__20210101", params)
    assert answer.status_code == 422, answer.text
    assert text in _detail(answer)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"lesion_1": [[96, 5, 5]]}, "the click (96, 5, 5) of 'lesion_1' is outside study 'ann__20200101'"),
        ({"lesion_1": [[-1, 5, 5]]}, "which has voxels (0, 0, 0) to (95, 95, 59)"),
        ({"lesion_1": [5, 5, 5]}, "must be voxel indices"),
        ({"lesion_1": [[5, 5]]}, "must be voxel indices"),
        ({"lesion_1": [[5, 5, 5, 5]]}, "must be voxel indices"),
        ({"lesion_1": [["5", 5, 5]]}, "must be voxel indices"),
        ({"lesion_1": [[5, 5, None]]}, "must be voxel indices"),
        ({"lesion_1": [[True, 5, 5]]}, "must be voxel indices"),
        ({"lesion_1": [{"x": 1}]}, "must be voxel indices"),
        ({"x" * 65: [[5, 5, 5]]}, "1 to 64 visible characters"),
        ({"foreground": [[5, 5, 5]]}, "names no lesion"),
        ({"lesion_1": [[5, 5, 5]], "radius_mm": "wide"}, "must be a number, got 'wide'"),
        ({"lesion_1": [[5, 5, 5]], "radius_mm": 0.1}, "between 0.5 and 200, got 0.1"),
        ({"lesion_1": [[5, 5, 5]], "radius_mm": 900}, "between 0.5 and 200, got 900"),
        ({"lesion_1": [[5, 5, 5]], "radius_mm": {}}, "must be text"),
        ({"lesion_1": [[5, 5, 5]], "patient": "bob"}, "is 'ann', but the request says 'bob'"),
        ({"lesion_1": [[5, 5, 5]], "study_date": "tomorrow"}, "is no date"),
        ({"lesions": [_lesion(center_mm=[0, 0, 0])]}, "outside study"),
    ],
)
def test_wrong_clicks_are_refused_and_nothing_is_stored(server: Server, params: dict[str, Any], text: str) -> None:
    history = server.studies / "labels" / "lesions" / "ann__20200101.jsonl"
    before = history.read_bytes() if history.exists() else b""
    answer = server.infer("mark_lesion", "ann__20200101", json.dumps(params))
    assert answer.status_code == 422, answer.text
    assert text in _detail(answer)
    assert (history.read_bytes() if history.exists() else b"") == before


def test_empty_click_lists_delete_nothing(server: Server, marked: Callable[[str], None]) -> None:
    marked("ann")
    params = {f"lesion_{n}": [] for n in range(1, 21)}
    answer = server.infer("mark_lesion", "ann__20200101", json.dumps(params), output="json")
    assert [lesion["id"] for lesion in answer.json()["lesions"]] == ["lesion_1", "lesion_2"]


def test_what_was_not_tracked_cannot_be_corrected(server: Server) -> None:
    answer = server.infer("correct_lesion", "cid__20200101", json.dumps({"lesion_9": [[5, 5, 5]]}))
    assert (answer.status_code, "run track_lesion first" in _detail(answer)) == (422, True)


def test_a_mark_without_any_click_says_how_to_click(server: Server) -> None:
    answer = server.infer("mark_lesion", "cid__20210101", "{}")
    assert (answer.status_code, "the request has no click" in _detail(answer)) == (422, True)


def test_without_an_earlier_marked_study_the_list_of_studies_is_told(server: Server) -> None:
    answer = server.infer("track_lesion", "cid__20200101", "{}")
    assert answer.status_code == 422
    assert "'cid__20210101' (patient cid, 20210101" in _detail(answer)
    assert "baseline_image" in _detail(answer)


def test_an_explicit_baseline_may_be_later(server: Server) -> None:
    params = {"baseline_image": "cid__20210101", "lesions": [_lesion()]}
    answer = server.infer("track_lesion", "cid__20200101", json.dumps(params), output="json")
    assert answer.status_code == 200, answer.text
    assert answer.json()["baseline_image"] == "cid__20210101"


def test_unknown_models_strategies_sessions_and_outputs_are_refused(server: Server) -> None:
    assert server.infer("spleen", "ann__20200101", "{}").status_code == 404
    assert "known: mark_lesion, track_lesion, correct_lesion" in _detail(server.infer("spleen", "ann__20200101", "{}"))
    answer = requests.post(f"{server.url}/activelearning/random", json={}, timeout=ANSWER_S)
    assert (answer.status_code, "known: next_study" in _detail(answer)) == (404, True)
    for session in ("../../etc", "0" * 36):
        answer = server.infer("track_lesion", "", "{}", session_id=session)
        assert (answer.status_code, "expired" in _detail(answer)) == (404, True)
    assert server.infer("track_lesion", "ann__20210101", "{}", output="dicom_seg").status_code == 422
    assert server.infer("track_lesion", "ann__20210101", "{}", output="mp3").status_code == 422


def test_an_unknown_trainer_is_refused(server: Server) -> None:
    assert requests.post(f"{server.url}/train/spleen", json={}, timeout=ANSWER_S).status_code == 404


@pytest.mark.parametrize("tag", ["lesions", "tracks", "../../x", "a/b"])
def test_labels_cannot_be_saved_over_the_trackers_own(server: Server, tag: str, tmp_path: Path) -> None:
    label = tmp_path / "label.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 2, 2), np.uint8)), str(label))
    with label.open("rb") as file:
        answer = requests.put(
            f"{server.url}/datastore/label",
            params={"image": "ann__20200101", "tag": tag},
            files={"label": ("label.nrrd", file)},
            timeout=ANSWER_S,
        )
    assert answer.status_code == 422


def test_a_damaged_history_is_named_and_others_go_on(server: Server) -> None:
    history = server.studies / "labels" / "lesions" / "cid__20200101.jsonl"
    assert server.infer("mark_lesion", "cid__20200101", json.dumps({"lesion_1": [[70, 45, 30]]})).status_code == 200
    whole = history.read_bytes()
    try:
        history.write_bytes(b"{torn\n" + whole)
        answer = server.infer("track_lesion", "cid__20210101", "{}")
        assert answer.status_code == 422
        assert "cid__20200101.jsonl, line 1: damaged" in _detail(answer)
    finally:
        history.write_bytes(whole)
    assert server.infer("track_lesion", "cid__20210101", "{}").status_code == 200
