"""A volume that a client sends along: kept whole as a session of MONAI Label's, or refused and nothing is left."""

import errno
import json
import os
import shutil
import uuid
import warnings
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from monailabel.utils.sessions import Sessions

from lesion_tracker.server.errors import answer_errors
from lesion_tracker.server.request_pool import RequestPool

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have httpx's successor; MONAI Label's passlib loads crypt
    from fastapi.testclient import TestClient

    from lesion_tracker.server.viewers.session_routes import remove_expired, session_routes

VOLUME = b"a volume" * 1000


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    (tmp_path / "sessions").mkdir()
    return Sessions(str(tmp_path / "sessions"))


def put(sessions: Sessions | None, *files: tuple[str, bytes], most_bytes: int = 1 << 30, **query: Any) -> Any:
    application = FastAPI()
    answer_errors(application)
    application.include_router(session_routes(lambda: sessions, RequestPool(1, 1, 60.0), most_bytes))
    with TestClient(application) as client:
        return client.put("/session/", params=query, files=[("files", file) for file in files])


def kept(sessions: Sessions) -> list[str]:
    return sorted(path.name for path in Path(sessions.store_path).rglob("*") if path.is_file())


def test_a_volume_is_kept_under_its_name(sessions: Sessions) -> None:
    answer = put(sessions, ("CT früh.nii.gz", VOLUME), expiry=120).json()
    info = sessions.get_session(answer["session_id"])
    assert Path(info.image).read_bytes() == VOLUME
    assert Path(info.image).name == "CT früh.nii.gz"
    assert answer["session_info"]["expiry"] == 120


def test_several_files_are_one_image(sessions: Sessions) -> None:
    answer = put(sessions, ("1.dcm", b"one"), ("2.dcm", b"two")).json()
    image = Path(sessions.get_session(answer["session_id"]).image)
    assert {path.name: path.read_bytes() for path in image.iterdir()} == {"1.dcm": b"one", "2.dcm": b"two"}


def test_a_volume_is_not_kept_longer_than_the_operator_says(sessions: Sessions) -> None:
    assert put(sessions, ("ct.nii.gz", VOLUME), expiry=10**30).json()["session_info"]["expiry"] == sessions.expiry


def test_what_has_expired_goes_also_of_a_server_before_and_beside_folders_without_a_note(sessions: Sessions) -> None:
    old, new = (put(sessions, ("ct.nii.gz", VOLUME), expiry=120).json()["session_id"] for _ in range(2))
    root = Path(sessions.store_path)
    note = json.loads((root / old / "meta.info").read_text())
    (root / old / "meta.info").write_text(json.dumps({**note, "last_access_ts": note["last_access_ts"] - 121}))
    torn, killed, receiving = (str(uuid.UUID(int=n)) for n in range(3))
    for name in (torn, killed, receiving, "not ours"):
        (root / name).mkdir()
    (root / torn / "meta.info").write_text("{")
    for name in (torn, killed):
        os.utime(root / name, (0, 0))
    assert remove_expired(Sessions(sessions.store_path)) == 3
    assert {path.name for path in root.iterdir()} == {new, receiving, "not ours"}


def test_a_reader_fills_no_disk_with_sessions(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 3 * len(VOLUME)  # with the notes beside them two fit
    first, _ = (put(sessions, ("ct.nii.gz", VOLUME), most_bytes=most).json()["session_id"] for _ in range(2))
    before = kept(sessions)
    refused = put(sessions, ("ct.nii.gz", VOLUME), most_bytes=most)
    assert refused.status_code == 507
    assert "that you sent along are kept already" in refused.json()["detail"]
    assert kept(sessions) == before
    monkeypatch.setattr("lesion_tracker.server.viewers.session_routes.signed", lambda: "bob")
    assert put(sessions, ("ct.nii.gz", VOLUME), most_bytes=most).status_code == 200
    monkeypatch.undo()
    sessions.remove_session(first)
    assert put(sessions, ("ct.nii.gz", VOLUME), most_bytes=most).status_code == 200


def test_a_full_disk_is_named_and_leaves_nothing(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(source: str, target: str) -> None:
        Path(target).write_bytes(Path(source).read_bytes()[:10])
        raise OSError(errno.ENOSPC, "No space left on device", target)

    monkeypatch.setattr(shutil, "move", half)
    answer = put(sessions, ("ct.nii.gz", VOLUME))
    assert answer.status_code == 507
    assert "the disk is full" in answer.json()["detail"]
    assert list(Path(sessions.store_path).iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "query", "text"),
    [
        ("ct.tar.gz", VOLUME, {"uncompress": True}, "archives are not unpacked here"),
        ("..", VOLUME, {}, "needs a file name"),
        ("x" * 200 + ".nii", VOLUME, {}, "needs a file name"),
        ("meta.info", VOLUME, {}, "needs a file name"),
    ],
)
def test_what_cannot_be_a_volume_is_refused(
    sessions: Sessions, name: str, content: bytes, query: dict[str, Any], text: str
) -> None:
    answer = put(sessions, (name, content), **query)
    assert answer.status_code == 422
    assert text in answer.json()["detail"]
    assert kept(sessions) == []


def test_a_name_with_folders_stays_below_its_own(sessions: Sessions) -> None:
    answer = put(sessions, ("../../x\\y.nii.gz", VOLUME)).json()
    assert Path(sessions.get_session(answer["session_id"]).image).parent.parent == Path(sessions.store_path)


def test_without_sessions_the_answer_says_what_to_do() -> None:
    answer = put(None, ("ct.nii.gz", VOLUME))
    assert (answer.status_code, "Next Sample" in answer.json()["detail"]) == (406, True)
