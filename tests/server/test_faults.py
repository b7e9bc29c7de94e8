"""A disk that is full or read-only, a GPU without memory: clear answers, nothing half-stored, and the server lives."""

import asyncio
import json
import subprocess
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import requests
import SimpleITK as sitk
import torch
from fastapi import FastAPI

from lesion_tracker.files.whole import DRAFT
from lesion_tracker.server.errors import answer_errors
from lesion_tracker.server.request_pool import RequestPool
from tests.server.conftest import ANSWER_S, Server, start_server, stop, wait_until_ready
from tests.server.phantom import PATIENTS, SHIFTS_MM
from tests.server.taught_server import correct, get, mark, plugin_client, publish_tiny, track

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]

DISK_MB = 48
MOST_REQUESTS = 40


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a small disk of its own."""
    folder = tmp_path_factory.mktemp("disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def small(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server whose studies, marks and weights lie on the small disk."""
    from lesion_tracker.volumes.writer import write_volume

    studies = disk / "studies"
    studies.mkdir()
    for patient in PATIENTS[:2]:
        write_volume(patient.study(), studies / f"{patient.name}__20200101.nii.gz")
        write_volume(patient.study(SHIFTS_MM[patient.name]), studies / f"{patient.name}__20210101.nii.gz")
    publish_tiny(disk / "model")
    log = tmp_path_factory.mktemp("log") / "server.log"
    conf = {"method": "affine", "background": "false", "model_dir": str(disk / "model"), "device": "cpu"}
    process, url = start_server(studies, log, conf, {"MONAI_LABEL_SESSION_PATH": str(disk / "sessions")})
    try:
        wait_until_ready(process, url, log)
        yield Server(url, studies, process.pid, log)
    finally:
        stop(process)


@pytest.fixture
def full(disk: Path) -> Iterator[Path]:
    """Fill the small disk to the last byte."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            while True:
                try:
                    if not file.write(b"x" * size):
                        break
                except OSError:
                    break
    yield filler
    filler.unlink(missing_ok=True)


@pytest.fixture
def read_only(disk: Path) -> Iterator[None]:
    """Let nothing be written to the small disk."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    yield
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)


def stored(server: Server) -> dict[str, bytes]:
    """Return everything that readers stored; fingerprints of volumes are made beside the requests, and again."""
    labels = server.studies / "labels"
    kept = {str(path.relative_to(labels)): path.read_bytes() for path in sorted(labels.rglob("*.jsonl"))}
    return {name: content for name, content in kept.items() if not name.startswith("volumes/")}


def refused(server: Server) -> list[str]:
    """Send each request that writes until it is refused; return the texts of the refusals.

    A disk gives room by pages: what fits into the last page of a file is stored, and acknowledged.
    """
    texts = []
    for model, image in (
        ("mark_lesion", "ann__20200101"),
        ("track_lesion", "ann__20210101"),
        ("correct_lesion", "ann__20210101"),
    ):
        for number in range(MOST_REQUESTS):
            center = [-50.0 + 0.1 * number, -20.0, -316.0]
            entry = {"id": "lesion_1", "center_mm": center, "radius_mm": 9.0}
            params = {"method": "affine"} if model == "track_lesion" else {"lesions": [entry]}
            answer = server.infer(model, image, json.dumps(params), output="json")
            if answer.status_code != 200:
                break
        assert answer.status_code == 507, f"{model}: {answer.status_code} {answer.text}"
        texts.append(answer.json()["detail"])
    return texts


def test_a_full_disk_is_named_and_what_was_stored_stays(small: Server, request: pytest.FixtureRequest) -> None:
    mark(small, "ann")
    track(small, "ann")
    correct(small, "ann")
    before = stored(small)
    filler = request.getfixturevalue("full")
    texts = refused(small)
    assert all("the disk is full" in text for text in texts)
    assert get(small, "/info/")["name"] == "Lesion Tracker"
    upload = requests.put(
        f"{small.url}/datastore/?image=more",
        files={"file": ("more.nii.gz", (small.studies / "bob__20200101.nii.gz").read_bytes())},
        timeout=300,
    )
    assert upload.status_code == 507, upload.text
    client = plugin_client(small.url)
    volume = str(small.studies / "bob__20200101.nii.gz")
    with pytest.raises(Exception, match=r"Status: 507; .*the disk is full"):
        client.create_session(volume)
    filler.unlink()
    assert list((small.studies.parent / "sessions").glob("*")) == []
    assert client.create_session(volume)["session_id"]
    assert not list(small.studies.rglob(f"{DRAFT}*"))
    after = stored(small)
    assert {name: after[name][: len(content)] for name, content in before.items()} == before
    assert [lesion["id"] for lesion in mark(small, "ann")["lesions"]] == ["lesion_1", "lesion_2"]
    assert len(track(small, "ann")) == 2
    for content in stored(small).values():
        for line in content.splitlines():
            json.loads(line)


def submit(server: Server, study: str, label: bytes) -> requests.Response:
    """Send a label file, as the plugin's Submit Label does."""
    files = {"label": ("label.nrrd", label)}
    return requests.put(f"{server.url}/datastore/label?image={study}", files=files, timeout=300)


def a_label(folder: Path, value: int) -> bytes:
    """Return a mask of 200 kB that no compression makes smaller."""
    voxels = np.random.default_rng(value).integers(0, 255, (60, 60, 60)).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(folder / "label.nrrd"))
    return (folder / "label.nrrd").read_bytes()


def test_a_label_that_is_submitted_to_a_full_disk_ruins_nothing(
    small: Server, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    assert submit(small, "ann__20200101", a_label(tmp_path, 1)).status_code == 200
    kept = small.studies / "labels" / "final" / "ann__20200101.nrrd"
    before, listed = kept.read_bytes(), (small.studies / "datastore_v2.json").read_bytes()
    filler = request.getfixturevalue("full")
    for study in ("ann__20200101", "bob__20200101"):
        refused_one = submit(small, study, a_label(tmp_path, 2))
        assert refused_one.status_code == 507, refused_one.text
        assert "the disk is full" in refused_one.json()["detail"]
    said = requests.put(
        f"{small.url}/datastore/image/info?image=ann__20200101", data={"info": '{"patient": "x"}'}, timeout=60
    )
    assert said.status_code == 507, said.text
    filler.unlink()
    assert kept.read_bytes() == before
    assert (small.studies / "datastore_v2.json").read_bytes() == listed
    objects = get(small, "/datastore/?output=all")["objects"]
    assert "patient" not in objects["ann__20200101"]["image"]["info"]
    assert not objects["bob__20200101"]["labels"]


def test_a_training_on_a_full_disk_publishes_nothing_and_says_so(small: Server, request: pytest.FixtureRequest) -> None:
    for patient in ("ann", "bob"):
        mark(small, patient)
        track(small, patient)
        correct(small, patient)
    request.getfixturevalue("full")
    answer = requests.post(f"{small.url}/train/track_lesion", json={"steps": 16}, timeout=60)
    if answer.status_code == 200:
        task: dict[str, Any] = {"status": "RUNNING"}
        while task["status"] in ("SUBMITTED", "RUNNING"):
            task = get(small, "/train/")
        assert task["status"] == "ERROR"
        assert any("cannot be written" in line for line in task["details"]), task["details"]
    else:
        assert "cannot be written" in answer.text
    assert get(small, "/models/")["published"] == "shipped"


def test_a_read_only_folder_is_named_and_the_server_lives(
    small: Server, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    mark(small, "ann")
    track(small, "ann")
    before = stored(small)
    request.getfixturevalue("read_only")
    texts = refused(small)
    assert all("read-only" in text for text in texts)
    assert get(small, "/info/")["name"] == "Lesion Tracker"
    train = requests.post(f"{small.url}/train/track_lesion", json={}, timeout=60)
    assert train.status_code in (409, 422, 507)
    label = a_label(tmp_path, 3)
    info = {"data": {"info": '{"patient": "x"}'}}
    answers = {
        "label": submit(small, "ann__20200101", label),
        "removed": requests.delete(f"{small.url}/datastore/image?id=ann__20210101", timeout=60),
        "info": requests.put(f"{small.url}/datastore/image/info?image=ann__20200101", **info, timeout=60),
        "deleted": requests.post(
            f"{small.url}/lesions/delete", json={"patient": "ann", "lesion": "lesion_1"}, timeout=60
        ),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 507)
    assert all("read-only" in answer.json()["detail"] for answer in answers.values())
    assert stored(small) == before
    assert (small.studies / "ann__20210101.nii.gz").exists()
    assert "patient" not in get(small, "/datastore/?output=all")["objects"]["ann__20200101"]["image"]["info"]


def test_a_server_does_not_start_where_nothing_can_be_kept_and_says_so(
    small: Server, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    request.getfixturevalue("read_only")
    log = tmp_path / "server.log"
    process, _ = start_server(small.studies, log, {"method": "affine"})
    try:
        assert process.wait(ANSWER_S) != 0
    finally:
        stop(process)
    assert f"the server cannot start on {small.studies}: Read-only file system" in log.read_text()
    assert "must be writable" in log.read_text()


class NoMemory:
    """An app whose GPU has no memory for the first request."""

    def __init__(self) -> None:
        self.asked = 0

    def infer(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked += 1
        if self.asked == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return {"label": None, "tag": "original", "file": None, "params": {"tracks": []}}

    def datastore(self) -> None:
        return None


def test_a_gpu_without_memory_refuses_one_request_and_answers_the_next() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # monailabel's log-in imports crypt
        from lesion_tracker.server.viewers.infer_routes import infer_routes
    application = FastAPI()
    answer_errors(application)
    application.include_router(infer_routes(NoMemory(), RequestPool(1, 1, 60.0), Path, str))

    async def two() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            address = "/infer/track_lesion?image=a&output=json"
            return [await client.post(address, data={"params": "{}"}) for _ in range(2)]

    first, second = asyncio.run(two())
    assert first.status_code == 503
    assert "the GPU has not enough free memory" in first.json()["detail"]
    assert "--conf device cpu" in first.json()["detail"]
    assert second.status_code == 200


def test_the_pool_that_ran_out_of_memory_takes_further_requests() -> None:
    pool = RequestPool(1, 1, 60.0)

    def no_memory() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    async def both() -> int:
        with pytest.raises(torch.OutOfMemoryError):
            await pool.run(no_memory)
        return await pool.run(threading.active_count)

    assert asyncio.run(both()) > 0
