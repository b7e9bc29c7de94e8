"""Every request that unmodified 3D Slicer and OHIF are known to send, replayed against the whole app in process.

Slicer works on a folder without accounts, OHIF on a PACS where a reader has logged in. Tracking is a known shift: what is
looked at here is that each request is let through and answered in the form that its client reads.
"""

import importlib
import io
import json
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from fastapi import FastAPI

from lesion_tracker.server.access.accounts_file import set_account
from lesion_tracker.server.viewers.labels import LABELS
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume
from tests.pacs.dialects import DialectPacs
from tests.pacs.orthanc import drawn_series
from tests.server.conftest import APP
from tests.server.review.conftest import ORIGIN_MM, SHIFT_MM, STUDIES, ShiftingEngine

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have httpx's successor; MONAI Label's passlib loads crypt
    from fastapi.testclient import TestClient

    from lesion_tracker.server import app as ours

BASELINE, FOLLOWUP = STUDIES[:2]
SERVER = "http://127.0.0.1"
PASSWORD = "correct horse"
SIZE = (40, 36, 20)
SPACING_MM = (2.0, 2.0, 4.0)
CLICK = [20, 15, 10]
"""A voxel of the baseline; LPS mm (0, 0, -160)."""

CLIENT = {"client_id": "user-xyz"}
TRACK = {"baseline_image": "", "method": "default", "patient": "", **CLIENT}
EMPTY: dict[str, Any] = {label: [] for label in LABELS}
OHIF = {"result_extension": ".nrrd", "result_dtype": "uint8", "result_compress": False, "restore_label_idx": False}
READS = {"accept": "application/json, multipart/form-data"}

Check = Callable[[httpx.Response], bool]


@dataclass(frozen=True)
class Sent:
    """A request of a client, and what the client makes of the answer.

    Args:
        what: the reader does.
        method: of HTTP.
        path: with its query; {names} stand for what only a running server knows.
        works: says whether the client can go on with the answer.
        status: that the client expects.
        body: keywords of the request.
    """

    what: str
    method: str
    path: str
    works: Check = lambda _: True
    status: int = 200
    body: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.what}: {self.method} {self.path}"


def form(params: dict[str, Any], **files: tuple[str, bytes]) -> dict[str, Any]:
    """Return a multipart body: the field `params`, and files."""
    return {"files": {"params": (None, json.dumps(params)), **files}}


def has(*keys: str) -> Check:
    return lambda answer: set(keys) <= set(answer.json())


def multipart(answer: httpx.Response) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the params and the files of an answer, taken apart as Slicer's client does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        cgi = importlib.import_module("cgi")
    headers = {"content-type": answer.headers["content-type"], "content-length": str(len(answer.content))}
    fields = cgi.FieldStorage(io.BytesIO(answer.content), headers=headers, environ={"REQUEST_METHOD": "POST"}).list
    params = next(one.value for one in fields if one.name == "params")
    return json.loads(params), {one.filename: one.value for one in fields if one.filename}


def points_of(answer: httpx.Response) -> dict[str, list[float]]:
    _, files = multipart(answer)
    ((name, markups),) = files.items()
    assert name.endswith(".json")  # Slicer loads a file of this ending as markups
    (shown,) = json.loads(markups)["markups"]
    assert (shown["type"], shown["coordinateSystem"]) == ("Fiducial", "LPS")
    return {point["label"]: point["position"] for point in shown["controlPoints"]}


def marks(answer: httpx.Response) -> bool:
    return points_of(answer)["lesion_1"] == pytest.approx([0.0, 0.0, -160.0])


def tracks(answer: httpx.Response) -> bool:
    params, _ = multipart(answer)
    return points_of(answer)["lesion_1"] == pytest.approx([*SHIFT_MM[:2], -160.0 + SHIFT_MM[2]]) and (
        params["label_names"] == {"lesion_1": 1}
    )


def a_study(answer: httpx.Response) -> bool:
    sample = answer.json()
    return sample["id"] in STUDIES and Path(sample["path"]).is_file() and sample["name"].startswith(sample["id"])


def labels(*values: int) -> Check:
    """Return a check that an answer is an NRRD of OHIF's grid with these values, and uncompressed bytes."""

    def works(answer: httpx.Response) -> bool:
        head, _, voxels = answer.content.partition(b"\n\n")
        assert b"encoding: raw" in head
        assert re.search(rb"type: (unsigned char|uint8)", head)
        return len(voxels) == int(np.prod(SIZE)) and set(np.frombuffer(voxels, np.uint8)) == {0, *values}

    return works


def explains(answer: httpx.Response) -> bool:
    return len(answer.json()["detail"]) > 20


def volume() -> Volume:
    grid = Grid.from_parts(SIZE, np.array(SPACING_MM), ORIGIN_MM, np.eye(3))
    return Volume(np.random.default_rng(7).integers(-900, 200, grid.shape).astype(np.int16), grid)


def label_file(folder: Path) -> bytes:
    array = np.zeros(SIZE[::-1], np.uint8)
    array[9:12, 14:17, 19:22] = 1
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING_MM)
    image.SetOrigin([float(mm) for mm in ORIGIN_MM])
    sitk.WriteImage(image, str(folder / "label.nrrd"))
    return (folder / "label.nrrd").read_bytes()


INFO = has("name", "labels", "models", "trainers", "strategies", "datastore", "train_stats")

OF_SLICER = (
    Sent("any", "GET", "/auth/", status=404),  # no log-in
    Sent("connect", "GET", "/info/", INFO),
    Sent("connect", "GET", "/train/?check_if_running=true", status=404),  # none is running
    Sent("upload", "PUT", "/datastore/?image=CT+thorax", lambda a: a.json()["image"] == "CT thorax",
         body=form({**CLIENT, "patient": "eve", "date": "20220101"}, file=("/home/reader/CT thorax.nii.gz", b"{volume}"))),
    Sent("next sample", "POST", "/activelearning/next_study", a_study, body={"json": CLIENT}),
    Sent("next sample", "POST", "/activelearning/least_confident", a_study, body={"json": CLIENT}),
    Sent("next sample", "GET", f"/datastore/image?image={BASELINE}", lambda a: a.content[:2] == b"\x1f\x8b"),
    Sent("next sample", "GET", "/datastore/?output=all", lambda a: set(STUDIES) <= set(a.json()["objects"])),
    Sent("next sample", "GET", f"/datastore/label?label={BASELINE}&tag=original", status=404),  # it goes on without
    Sent("smart edit", "POST", f"/infer/mark_lesion?image={BASELINE}", marks,
         body=form({**EMPTY, "lesion_1": [CLICK], "label": "lesion_1", "radius_mm": "", **CLIENT})),
    Sent("smart edit after another label", "POST", f"/infer/mark_lesion?image={BASELINE}", marks,
         body=form({**EMPTY, "lesion_1": [CLICK], "label": "lesion_2", "reset_state": True, **CLIENT})),
    Sent("segment", "POST", f"/infer/track_lesion?image={FOLLOWUP}", tracks, body=form(TRACK)),
    Sent("segment in a session", "POST", "/infer/track_lesion?image=&session_id={session}", tracks, body=form(TRACK)),
    Sent("scribbles", "POST", f"/infer/track_lesion?image={FOLLOWUP}", tracks,
         body=form({**TRACK, "roi": [0, 9, 0, 9, 0, 9], "label_info": [], "selected_label_name": "lesion_1"},
                   label=("/home/reader/scribbles.nii.gz", b"{label}"))),
    Sent("correct", "POST", f"/infer/correct_lesion?image={FOLLOWUP}", lambda a: "lesion_1" in points_of(a),
         body=form({**EMPTY, "lesion_1": [[21, 15, 10]], "label": "lesion_1", **CLIENT})),
    Sent("new session", "PUT", "/session/", has("session_id", "session_info"),
         body={"files": [("files", ("eve.nii.gz", b"{followup}"))], "data": CLIENT}),
    Sent("session", "GET", "/session/{session}", lambda a: Path(a.json()["image"]).is_file()),
    Sent("session", "DELETE", "/session/{session}"),
    Sent("segment in a session that is gone", "POST", "/infer/track_lesion?image=&session_id={session}",
         lambda a: "expired" in a.json()["detail"], 404, form(TRACK)),
    Sent("submit", "PUT", f"/datastore/label?image={FOLLOWUP}", has("image", "label"),
         body=form({"label_info": [{"name": "lesion_1", "idx": 1}], **CLIENT}, label=("/home/reader/l.nrrd", b"{label}"))),
    Sent("next sample", "GET", f"/datastore/label?label={FOLLOWUP}&tag=final",
         lambda a: "filename=" in a.headers["content-disposition"] and a.content[:4] == b"NRRD"),
    Sent("train", "POST", "/train/track_lesion", explains, 409, {"json": {"steps": 200, **CLIENT}}),  # too few answers
    Sent("watch a training", "GET", "/train/", has("detail"), 404),
    Sent("stop a training", "DELETE", "/train/"),
    Sent("a browser", "GET", "/", lambda a: a.headers["location"] == "lesions/", 307),
    Sent("a browser", "GET", "/ohif/viewer", lambda a: "OHIF shows studies of a PACS only" in a.text  # this is a folder
         and 'href="../lesions/./"' in a.text and "form-action 'self'" in a.headers["content-security-policy"]),
)  # fmt: skip
"""In the order in which a reader comes to them."""

OF_OHIF = (
    Sent("open", "GET", "/ohif/", lambda a: "<html" in a.text.lower()),
    Sent("open", "GET", "/ohif/viewer?StudyInstanceUIDs={study}", lambda a: "<html" in a.text.lower()),
    Sent("open", "GET", "/ohif/app-config.js", lambda a: "/proxy/dicom" in a.text and "javascript" in str(a.headers)),
    Sent("open", "GET", "/ohif/app.bundle.css"),
    Sent("open", "GET", "/static/ohif/index.html"),
    Sent("list", "GET", "/proxy/dicom/qido/studies?limit=101&offset=0&includefield=00081030", lambda a: len(a.json()) == 2),
    Sent("open a study", "GET", "/proxy/dicom/qido/studies/{study}/series?includefield=0008103E",
         lambda a: len(a.json()) == 1),
    Sent("open a study", "GET", "/proxy/dicom/wado/studies/{study}/series/{baseline}/metadata",
         lambda a: len(a.json()) == SIZE[2]),
    Sent("open a study", "GET", "/proxy/dicom/wado/studies/{study}/series/{baseline}",
         lambda a: a.headers["content-type"].startswith("multipart/related")),
    Sent("connect", "GET", "/info/", lambda a: INFO(a) and isinstance(a.json()["labels"], list)),
    Sent("next sample", "POST", "/activelearning/next_study", has("id", "StudyInstanceUID"), body={"json": {}}),
    Sent("point prompts", "POST", "/infer/mark_lesion?image={baseline}&output=image", labels(1),
         body=form({"background": [], "lesion_1": [CLICK], **OHIF})),
    Sent("segment", "POST", "/infer/track_lesion?image={followup}&output=image", labels(1), body=form(dict(OHIF))),
    Sent("class prompts", "POST", "/infer/track_lesion?image={followup}&output=image", labels(1),
         body=form({"label_prompt": [1], **OHIF})),
    Sent("point prompts", "POST", "/infer/correct_lesion?image={followup}&output=image", labels(1),
         body=form({"background": [], "lesion_1": [[21, 15, 10]], **OHIF})),
    Sent("is a training running", "GET", "/train/?check_if_running=true", status=404),
    Sent("update model", "POST", "/train/", explains, 403, {"json": {"track_lesion": {"steps": 200}}}),  # no admin
    Sent("stop", "DELETE", "/train/", explains, 403),
    Sent("panel", "GET", "/ohif/lesion-panel.js", lambda a: "javascript" in a.headers["content-type"]),
    Sent("panel", "GET", "/ohif/lesion-screen.js", lambda a: "javascript" in a.headers["content-type"]),
    Sent("panel", "GET", "/ohif/lesions?series={followup}", lambda a: a.json()["rows"][0]["label"] == "lesion_1"
         and all(cell["seen"] and "action" in cell for cell in a.json()["rows"][0]["cells"].values())),
)  # fmt: skip
"""Of a reader's browser, which sends the cookie of his log-in."""


@contextmanager
def running(
    monkeypatch: pytest.MonkeyPatch, folder: Path, studies: str, order: tuple[str, ...], **conf: str
) -> Iterator[TestClient]:
    """Serve studies in process, with an application of its own; MONAI Label has one for a process."""
    monailabel = importlib.import_module("monailabel.app")
    settings = importlib.import_module("monailabel.config").settings
    monkeypatch.setattr(settings, "MONAI_LABEL_SESSION_PATH", str(folder / "sessions"))
    monkeypatch.setattr(settings, "MONAI_LABEL_DICOMWEB_CACHE_PATH", str(folder / "cache"))
    monkeypatch.setattr(monailabel, "app", FastAPI())
    monkeypatch.setattr("monailabel.interfaces.app.Timeloop", _NoLoop)
    monkeypatch.setattr(ours, "preload", lambda: None)
    monkeypatch.setattr(ours, "configure", lambda *_: None)
    monkeypatch.setattr(ours, "Engine", type("Shifting", (ShiftingEngine,), {"order": order}))
    started = ours.LesionTrackerApp(str(APP), studies, {"background": "false", **conf})
    started.on_init_complete()
    with TestClient(monailabel.app, SERVER, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


class _NoLoop:
    """MONAI Label's clock, which ends sessions every five minutes; it would outlive the test."""

    def job(self, **_: Any) -> Callable[[Any], Any]:
        return lambda function: function

    def start(self, **_: Any) -> None:
        """Start nothing."""


def replay(client: TestClient, requests: tuple[Sent, ...], known: dict[str, str], files: dict[bytes, bytes]) -> None:
    """Send requests in their order; fail with all that a client could not go on with."""
    wrong = []
    for sent in requests:
        body = dict(sent.body)
        if isinstance(body.get("files"), dict):
            body["files"] = {name: _whole(part, files) for name, part in body["files"].items()}
        elif "files" in body:
            body["files"] = [(name, _whole(part, files)) for name, part in body["files"]]
        answer = client.request(sent.method, sent.path.format(**known), headers=READS, **body)
        if answer.status_code != sent.status or not sent.works(answer):
            wrong.append(f"{sent}: {answer.status_code} {answer.text[:300]!r}")
    assert not wrong, "\n".join(wrong)


def _whole(part: tuple[str | None, Any], files: dict[bytes, bytes]) -> tuple[str | None, Any]:
    return part[0], files.get(part[1], part[1])


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_slicer_asks_for_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies = tmp_path / "studies"
    studies.mkdir()
    drawn = volume()
    places = [*(studies / f"{name}.nii.gz" for name in STUDIES), tmp_path / "new.nii.gz"]
    for number, place in enumerate(places):
        write_volume(Volume(drawn.hu + np.int16(number), drawn.grid), place)
    files = {
        b"{followup}": places[1].read_bytes(),
        b"{volume}": places[3].read_bytes(),
        b"{label}": label_file(tmp_path),
    }
    with running(monkeypatch, tmp_path, str(studies), STUDIES) as client:
        sent = {"files": [("files", ("eve.nii.gz", files[b"{followup}"]))]}
        session = client.put("/session/", **sent).json()["session_id"]
        replay(client, OF_SLICER, {"session": session}, files)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_slicer_logs_in_where_readers_have_accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_account(tmp_path / "accounts.json", "ann", PASSWORD, "reader")
    (tmp_path / "studies").mkdir()
    accounts = str(tmp_path / "accounts.json")
    with running(monkeypatch, tmp_path, str(tmp_path / "studies"), STUDIES, accounts=accounts) as client:
        assert client.get("/auth/").json()["enabled"] is True
        assert client.get("/info/").status_code == 401
        login = {"username": "ann", "password": PASSWORD, "grant_type": "password"}
        token = client.post("/auth/token", data=login).json()
        known = {"Authorization": f"{token['token_type']} {token['access_token']}"}
        assert client.get("/auth/token/valid", headers=known).json() == {"username": "ann"}
        assert client.get("/info/", headers=known).status_code == 200


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_ohif_asks_for_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_account(tmp_path / "accounts.json", "ann", PASSWORD, "reader")
    uids = []
    for study, date in (("base", "20200101"), ("fu", "20200701")):
        _, files = drawn_series(tmp_path / "pacs" / study, volume(), patient="eve", study=study, series="s", date=date)
        head = pydicom.dcmread(files[0], stop_before_pixels=True)
        uids.append((str(head.StudyInstanceUID), str(head.SeriesInstanceUID)))
    (study, baseline), (_, followup) = uids
    conf = {"accounts": str(tmp_path / "accounts.json"), "data_dir": str(tmp_path / "data")}
    with (
        DialectPacs(tmp_path / "pacs").running() as pacs,
        running(monkeypatch, tmp_path, pacs.dicom_web, (baseline, followup), **conf) as client,
    ):
        assert client.post("/login", data={"username": "ann", "password": PASSWORD}).status_code == 303
        replay(client, OF_OHIF, {"study": study, "baseline": baseline, "followup": followup}, {})
