"""The unmodified plugin's client: two marks, re-marking, empty labels, sessions that end, names that hurt, Submit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from monailabel.utils.sessions import Sessions

from tests.server.clicks import baseline_clicks
from tests.server.conftest import Server

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
OPTIONS = {"label": "lesion_1", "radius_mm": "", "patient": "", "study_date": ""}
EMPTY: dict[str, Any] = {f"lesion_{n}": [] for n in range(1, 21)}


def mark(client: Any, study: str, **clicks: Any) -> dict[str, dict[str, Any]]:
    """Mark as SmartEdit does, which sends every label each time, and return the lesions by id."""
    _, params = client.infer("mark_lesion", study, {**EMPTY, **OPTIONS, **clicks})
    return {lesion["id"]: lesion for lesion in params["lesions"]}


def test_two_marks_re_marking_and_empty_labels(slicer_client: Any) -> None:
    one, two = (baseline_clicks("cid")[name] for name in ("lesion_1", "lesion_2"))
    first = mark(slicer_client, "cid__20200101", lesion_1=one)
    assert list(first) == ["lesion_1"]
    both = mark(slicer_client, "cid__20200101", lesion_1=one, lesion_2=two)
    assert both["lesion_1"] == first["lesion_1"]
    moved = [one[0], [one[0][0] + 1, *one[0][1:]]]
    again = mark(slicer_client, "cid__20200101", lesion_1=moved, lesion_2=two)
    assert again["lesion_1"]["tracking_uid"] == first["lesion_1"]["tracking_uid"]
    assert again["lesion_1"]["center_mm"][0] == pytest.approx(first["lesion_1"]["center_mm"][0] + 3.0)
    assert again["lesion_2"] == both["lesion_2"]
    only = mark(slicer_client, "cid__20200101", lesion_2=two)  # the scene was closed: lesion_1's clicks are lost there
    assert only == again
    file, params = slicer_client.infer("track_lesion", "cid__20210101", {"baseline_image": "", "method": "default"})
    assert [track["lesion_id"] for track in params["tracks"]] == ["lesion_1", "lesion_2"]
    assert file.endswith(".json")


def test_a_session_that_has_ended_says_so_and_a_new_one_works(server: Server, slicer_client: Any) -> None:
    image = str(server.studies / "bob__20200101.nii.gz")
    session = slicer_client.create_session(image)["session_id"]
    clicks = {**EMPTY, **OPTIONS, **baseline_clicks("bob")}
    _, params = slicer_client.infer("mark_lesion", "", dict(clicks), session_id=session)
    assert len(params["lesions"]) == 2
    slicer_client.remove_session(session)
    with pytest.raises(Exception, match="it has expired; load the volume again"):
        slicer_client.infer("mark_lesion", "", dict(clicks), session_id=session)
    fresh = slicer_client.create_session(image)["session_id"]
    _, again = slicer_client.infer("mark_lesion", "", dict(clicks), session_id=fresh)
    assert again["lesions"] == params["lesions"]


def test_a_session_that_monai_label_let_expire_says_so_too(server: Server, slicer_client: Any) -> None:
    """The clock is turned back in the session's own file; what removes it is what the server runs every five minutes."""
    session = slicer_client.create_session(str(server.studies / "bob__20200101.nii.gz"))["session_id"]
    clicks = {**EMPTY, **OPTIONS, **baseline_clicks("bob")}
    folder = server.log.parent / "sessions"
    note = folder / session / "meta.info"
    kept = json.loads(note.read_text())
    note.write_text(json.dumps({**kept, "last_access_ts": kept["last_access_ts"] - kept["expiry"] - 60}))
    assert Sessions(str(folder)).remove_expired() == 1
    with pytest.raises(Exception, match="it has expired; load the volume again"):
        slicer_client.infer("mark_lesion", "", dict(clicks), session_id=session)


@pytest.mark.parametrize("name", ["CT thorax 3 mm", "Röntgen – α β", "a+b & c=d #7", "100% (sharp)", "'quoted'"])
def test_a_volume_whose_name_hurts_is_found_under_it(server: Server, slicer_client: Any, name: str) -> None:
    image = str(server.studies / "dea__20200101.nii.gz")
    assert slicer_client.upload_image(image, name, {"patient": "dea"})["image"] == name
    assert list(mark(slicer_client, name, **{"lesion_1": baseline_clicks("dea")["lesion_1"]})) == ["lesion_1"]


@pytest.mark.parametrize("name", ["CT 3/5", "..", "a\\b", "x" * 300])
def test_a_name_that_cannot_be_a_file_is_refused_with_advice(server: Server, slicer_client: Any, name: str) -> None:
    with pytest.raises(Exception, match="cannot be called"):
        slicer_client.upload_image(str(server.studies / "dea__20200101.nii.gz"), name)


def test_submitting_slicers_empty_label_is_refused_and_nothing_is_stored(
    server: Server, slicer_client: Any, tmp_path: Path
) -> None:
    image = sitk.ReadImage(str(server.studies / "cid__20210101.nii.gz"))
    label = sitk.GetImageFromArray(np.zeros(image.GetSize()[::-1], np.uint8))
    label.CopyInformation(image)
    path = tmp_path / "label.nrrd"
    sitk.WriteImage(label, str(path))
    with pytest.raises(Exception, match="points are kept when they are marked"):
        slicer_client.save_label("cid__20210101", str(path), params={"label_info": [{"name": "lesion_1", "idx": 1}]})
    assert not (server.studies / "labels" / "final" / "cid__20210101.nrrd").exists()
    array = np.zeros(image.GetSize()[::-1], np.uint8)
    array[20:23, 20:23, 20:23] = 1
    label = sitk.GetImageFromArray(array)
    label.CopyInformation(image)
    sitk.WriteImage(label, str(path))
    slicer_client.save_label("cid__20210101", str(path), params={"label_info": [{"name": "lesion_1", "idx": 1}]})
    assert (server.studies / "labels" / "final" / "cid__20210101.nrrd").exists()
