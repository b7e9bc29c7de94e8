"""A study's file is replaced while a server runs: its marks do not pass to the new scan, and can be carried over."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from lesion_tracker.volumes.writer import write_volume
from tests.server.conftest import ANSWER_S, Server, start_server, stop, wait_until_ready
from tests.server.phantom import PATIENTS, SHIFTS_MM

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

ANN = PATIENTS[0]
BASE, FOLLOW = "RF__20200101", "RF__20200601"
NEAR_MM = 5.0
"""An affine registration's error on drawn patients is below it."""

MOVED = np.array([6.0, -4.0, 9.0])
SAID = f"lesion_1 of {BASE}: marked in another volume than its file holds now (other voxels on the same grid)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("replaced") / "studies"
    folder.mkdir()
    write_volume(ANN.study(), folder / f"{BASE}.nii.gz")
    write_volume(ANN.study(SHIFTS_MM["ann"]), folder / f"{FOLLOW}.nii.gz")
    log = folder.parent / "server.log"
    process, url = start_server(folder, log, {"method": "affine", "background": "false"})
    try:
        wait_until_ready(process, url, log)
        yield Server(url, folder, process.pid, log)
    finally:
        stop(process)


def track(server: Server, image: str, **params: Any) -> requests.Response:
    return server.infer("track_lesion", image, json.dumps({"method": "affine", **params}), output="json")


def page(server: Server) -> str:
    return requests.get(f"{server.url}/lesions/", params={"patient": "RF"}, timeout=ANSWER_S).text


def test_the_point_of_the_old_scan_is_not_taken_for_one_of_the_new(server: Server) -> None:
    lesion = {"id": "lesion_1", "center_mm": list(ANN.lesions_mm[0]), "radius_mm": ANN.radii_mm[0]}
    marked = server.infer("mark_lesion", BASE, json.dumps({"lesions": [lesion]}), output="json")
    assert marked.status_code == 200
    (before,) = track(server, FOLLOW).json()["tracks"]
    assert "Carry over" not in page(server)
    write_volume(ANN.study(tuple(MOVED)), server.studies / f"{BASE}.nii.gz")
    refused = track(server, FOLLOW)
    assert refused.status_code == 422
    assert SAID in refused.text
    shown = page(server)
    assert "marked in another volume than its file holds now" in shown
    assert "Carry over" in shown
    carried = requests.post(
        f"{server.url}/lesions/track", json={"patient": "RF", "baseline": BASE, "carry": True}, timeout=ANSWER_S
    ).json()
    end = time.monotonic() + ANSWER_S
    while carried["state"] == "running" and time.monotonic() < end:
        time.sleep(0.2)
        carried = requests.get(f"{server.url}/lesions/track/{carried['id']}", timeout=ANSWER_S).json()
    assert (carried["state"], carried["tracked"]) == ("done", 1), carried
    accepted = requests.post(
        f"{server.url}/lesions/accept",
        json={"study": BASE, "lesion": "lesion_1", "track": _created(server), "reader": "dr a"},
        timeout=ANSWER_S,
    )
    assert accepted.status_code == 200, accepted.text
    assert "Carry over" not in page(server)
    answer = track(server, FOLLOW).json()
    (after,) = answer["tracks"]
    assert answer["warnings"] == []
    assert np.linalg.norm(np.array(after["center_mm"]) - np.array(before["center_mm"])) < NEAR_MM
    lines = (server.studies / "labels" / "corrections" / f"{BASE}.jsonl").read_text().splitlines()
    point = np.array(json.loads(lines[-1])["correction"]["center_mm"])
    assert np.linalg.norm(point - (np.array(ANN.lesions_mm[0]) + MOVED)) < NEAR_MM


def _created(server: Server) -> str:
    """Return when the carried point was made, as the page knows it."""
    line = (server.studies / "labels" / "tracks" / f"{BASE}.jsonl").read_text().splitlines()[-1]
    return str(json.loads(line)["track"]["created_at"])


def test_a_copy_of_the_same_scan_changes_nothing(server: Server, tmp_path: Path) -> None:
    path = server.studies / f"{BASE}.nii.gz"
    (tmp_path / "copy").write_bytes(path.read_bytes())
    os.replace(tmp_path / "copy", path)
    answer = track(server, FOLLOW)
    assert answer.status_code == 200, answer.text
    assert answer.json()["warnings"] == []
