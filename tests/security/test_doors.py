"""What an attack on an earlier version did: archives, keys that reached a subprocess, foreign names, others' sessions."""

import io
import json
import tarfile
from pathlib import Path

import pytest
import requests

from lesion_tracker.server.learning.trainer import OPTIONS
from lesion_tracker.server.request_keys import TO_TRAINING
from tests.server.conftest import Server
from tests.server.locked_server import bearer

pytestmark = pytest.mark.server


def _archive(name: str, content: bytes, link: str = "") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        if link:
            pointer = tarfile.TarInfo("link")
            pointer.type, pointer.linkname = tarfile.SYMTYPE, link
            archive.addfile(pointer)
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize("kind", ["climbing", "absolute", "link"])
def test_an_archive_writes_nothing_anywhere(attacked: Server, kind: str, tmp_path: Path) -> None:
    target = tmp_path / "written.txt"
    name = {
        "climbing": "../" * 20 + str(target).lstrip("/"),
        "absolute": str(target),
        "link": "link/written.txt",
    }[kind]
    packed = _archive(name, b"by a reader", str(tmp_path) if kind == "link" else "")
    answer = requests.put(
        f"{attacked.url}/session/?uncompress=true",
        files={"files": ("a.tar.gz", packed)},
        headers=bearer(attacked, "ann"),
        timeout=60,
    )
    assert answer.status_code == 422
    assert "archives are not unpacked" in answer.json()["detail"]
    assert not target.exists()


def test_no_key_of_a_request_reaches_a_subprocess_but_the_trainings_own(attacked: Server, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    (bundle / "scripts").mkdir(parents=True)
    (bundle / "scripts" / "__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    for path in ("/scoring/corrected", "/scoring/corrected?run_sync=true"):
        body = {"bundle_path": str(bundle), "method": "corrected", "model": str(bundle)}
        answer = requests.post(attacked.url + path, json=body, headers=bearer(attacked, "ann"), timeout=60)
        assert answer.status_code == 200
        assert "corrected" in answer.json()
    training = requests.post(
        f"{attacked.url}/train/track_lesion",
        json={"bundle_path": str(bundle)},
        headers=bearer(attacked, "boss"),
        timeout=60,
    )
    assert training.status_code == 409  # too few corrections: no process was started
    assert not (tmp_path / "ran").exists()
    assert tuple(OPTIONS) == TO_TRAINING


@pytest.mark.parametrize(
    "host", ["attacker.example:8000", "127.0.0.1.attacker.example", "", "localhost@evil", "10.0.0.5"]
)
def test_a_name_that_nobody_named_is_not_answered(attacked: Server, host: str) -> None:
    for method, path in (("GET", "/auth/"), ("POST", "/lesions/move"), ("GET", "/datastore/?output=all")):
        answer = requests.request(
            method, attacked.url + path, headers={**bearer(attacked, "boss"), "Host": host}, timeout=60
        )
        assert answer.status_code in (400, 421), answer.text
    port = attacked.url.rpartition(":")[2]
    for own in ("localhost", f"LOCALHOST:{port}", f"127.0.0.1:{port}", "[::1]:1"):
        assert requests.get(f"{attacked.url}/auth/", headers={"Host": own}, timeout=60).status_code == 200


def test_a_session_is_its_senders_alone(attacked: Server) -> None:
    ann, boss = bearer(attacked, "ann"), bearer(attacked, "boss")
    files = {"files": ("ct.nii.gz", b"a volume")}
    made = requests.put(f"{attacked.url}/session/", files=files, headers=ann, timeout=60).json()["session_id"]
    assert requests.get(f"{attacked.url}/session/{made}", headers=boss, timeout=60).status_code == 404
    assert requests.delete(f"{attacked.url}/session/{made}", headers=boss, timeout=60).status_code == 404
    used = requests.post(
        f"{attacked.url}/infer/track_lesion?session_id={made}", data={"params": "{}"}, headers=boss, timeout=60
    )
    assert used.status_code == 404
    assert requests.get(f"{attacked.url}/session/{made}", headers=ann, timeout=60).status_code == 200
    assert requests.delete(f"{attacked.url}/session/{made}", headers=ann, timeout=60).status_code == 200


def test_a_reader_cannot_say_whose_a_study_is_nor_store_other_files(attacked: Server) -> None:
    ann = bearer(attacked, "ann")
    said = {"info": json.dumps({"patient": "SOMEBODY-ELSE", "strategy": "x"})}
    moved = requests.put(f"{attacked.url}/datastore/image/info?image=ann__20200101", data=said, headers=ann, timeout=60)
    assert moved.status_code == 403
    for name, tag in (("a.html", "final"), ("a.nii.gz", "t"), ("a.nrrd", "lesions")):
        label = requests.put(
            f"{attacked.url}/datastore/label?image=ann__20200101&tag={tag}",
            files={"label": (name, b"<script>x</script>")},
            headers=ann,
            timeout=60,
        )
        assert label.status_code == 422, label.text
    assert requests.post(f"{attacked.url}/activelearning/next_study", json={}, headers=ann, timeout=60).ok
