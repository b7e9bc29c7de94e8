"""Learning through a real server: start, progress, stop, publish, roll back, and what the readers' tools show of it."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from lesion_tracker.network.weights import load_tracker
from lesion_tracker.training.learning.publish import SHIPPED, ModelStore
from tests.server.conftest import Server, start_server, stop, wait_until_ready
from tests.server.phantom import write_patients
from tests.server.taught_server import ask, correct, get, mark, plugin_client, publish_other, publish_tiny, track

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]

ENOUGH_S = 900


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """Return a server with tiny weights, and their folder."""
    folder = tmp_path_factory.mktemp("trainer")
    studies, model = folder / "studies", folder / "model"
    studies.mkdir()
    write_patients(studies)
    publish_tiny(model)
    log = folder / "server.log"
    process, url = start_server(
        studies, log, {"method": "affine", "background": "false", "model_dir": str(model), "device": "cpu"}
    )
    try:
        wait_until_ready(process, url, log)
        yield Server(url, studies, process.pid, log), model
    finally:
        stop(process)


def wait_for_end(server: Server) -> tuple[dict[str, Any], list[float], list[dict[str, Any]]]:
    """Return the last state of the task, how long /info/ took meanwhile, and the progress that it showed."""
    waits, seen = [], []
    end = time.monotonic() + ENOUGH_S
    while time.monotonic() < end:
        start = time.perf_counter()
        seen.append(get(server, "/info/")["train_stats"]["track_lesion"])
        waits.append(time.perf_counter() - start)
        task = get(server, "/train/")
        if task["status"] not in ("SUBMITTED", "RUNNING"):
            return task, waits, seen
        time.sleep(0.3)
    pytest.fail(f"the training did not end within {ENOUGH_S} s: {task}")


def test_without_corrections_nothing_is_started_and_the_text_says_what_is_needed(taught: tuple[Server, Path]) -> None:
    server, _ = taught
    mark(server, "ann")
    answer = requests.post(f"{server.url}/train/track_lesion", json={}, timeout=60)
    assert answer.status_code == 409
    assert "at least 4 corrections of 2 patients are needed" in answer.json()["detail"]
    assert requests.get(f"{server.url}/train/", timeout=60).status_code == 404
    assert requests.post(f"{server.url}/train/spleen", json={}, timeout=60).status_code == 404


@pytest.mark.parametrize("params", [{"steps": "many"}, {"steps": -1}, {"minutes": 1e9}, {"device": "abacus"}])
def test_an_option_that_cannot_be_is_refused(taught: tuple[Server, Path], params: dict[str, Any]) -> None:
    answer = requests.post(f"{taught[0].url}/train/track_lesion", json=params, timeout=60)
    assert answer.status_code == 422
    assert next(iter(params)) in answer.json()["detail"]


def test_the_least_certain_study_comes_first_until_it_is_answered(taught: tuple[Server, Path]) -> None:
    server, _ = taught
    certain = {}
    for patient in ("ann", "bob", "cid"):
        mark(server, patient)
        tracks = track(server, patient)
        certain[f"{patient}__20210101"] = statistics.mean(one["confidence"] for one in tracks)
    first = requests.post(f"{server.url}/activelearning/least_confident", json={}, timeout=60).json()
    assert first["id"] == min(certain, key=lambda name: certain[name])
    assert first["confidence"] == pytest.approx(min(certain.values()), abs=2e-3)
    correct(server, first["id"].split("__")[0])
    second = requests.post(f"{server.url}/activelearning/least_confident", json={}, timeout=60).json()
    assert second["id"] == sorted(certain, key=lambda name: certain[name])[1]


def test_training_runs_beside_tracking_shows_its_progress_and_says_why(taught: tuple[Server, Path]) -> None:
    server, model = taught
    for patient in ("ann", "bob", "cid"):
        mark(server, patient)
        track(server, patient)
        correct(server, patient)
    client = plugin_client(server.url)
    started = client.train_start("track_lesion", {"steps": "16", "minutes": "60", "learning_rate": "0.0001"})
    assert started["status"] in ("SUBMITTED", "RUNNING")
    again = requests.post(f"{server.url}/train/track_lesion", json={}, timeout=60)
    assert again.status_code == 429
    assert "a training is under way" in again.json()["detail"]
    assert len(track(server, "ann")) == 2
    task, waits, seen = wait_for_end(server)
    assert task["status"] == "DONE", task
    assert statistics.median(waits) <= 0.3
    assert any(0 < progress["epoch"] < progress["total_epochs"] for progress in seen), seen
    last = get(server, "/models/")["last_training"]["track_lesion"]
    assert last["epoch"] == last["total_epochs"]
    assert last["total_time"] > 0
    assert "3-fold cross-validation by patient" in last["result"]
    assert any("corrected lesions" in line for line in task["details"])
    versions = get(server, "/models/")["versions"]
    assert versions[0]["version"] == SHIPPED
    card = versions[-1]["card"]
    assert (card["parent"]["name"], card["tuned"]["corrections"], card["tuned"]["patients"]) == ("tiny", 6, 3)
    published = get(server, "/models/")["published"]
    assert published == ModelStore(model).published().version
    assert (published == SHIPPED) is (card["gate"]["published"] is False)


def test_a_training_is_stopped_at_once_and_leaves_the_published_model(taught: tuple[Server, Path]) -> None:
    server, model = taught
    store = ModelStore(model)
    before = store.published()
    for patient in ("ann", "bob", "cid"):
        correct(server, patient)
    answer = requests.post(f"{server.url}/train/", json={"track_lesion": {"steps": 4000}}, timeout=60)
    assert answer.status_code == 200, answer.text
    end = time.monotonic() + ENOUGH_S
    while get(server, "/info/")["train_stats"]["track_lesion"].get("epoch", 0) < 1 and time.monotonic() < end:
        time.sleep(0.2)
    stopped = requests.delete(f"{server.url}/train/", timeout=60).json()
    assert stopped["status"] == "STOPPED"
    assert store.published() == before
    load_tracker(store.folder_of(before.version), "cpu")
    assert get(server, "/train/")["status"] == "STOPPED"
    restarted = requests.post(f"{server.url}/train/track_lesion", json={"steps": 4}, timeout=60)
    assert restarted.status_code == 200, restarted.text
    time.sleep(1.0)
    requests.delete(f"{server.url}/train/", timeout=60)


def test_every_track_names_its_model_and_roll_back_takes_one_call(taught: tuple[Server, Path]) -> None:
    server, model = taught
    before = ModelStore(model).published().version
    old = track(server, "dea", "dlt")[0] if mark(server, "dea") else {}
    version = publish_other(model, 5)
    new = track(server, "dea", "dlt")[0]
    assert new["model"]["name"] == "tiny 5"
    assert new["model"]["sha256"] != old["model"]["sha256"]
    assert get(server, "/models/")["published"] == version
    rolled = requests.post(f"{server.url}/models/rollback", timeout=60)
    assert rolled.json() == {"published": before}
    assert track(server, "dea", "dlt")[0]["model"] == old["model"]
    while ModelStore(model).published().before:
        assert requests.post(f"{server.url}/models/rollback", timeout=60).status_code == 200
    first = requests.post(f"{server.url}/models/rollback", timeout=60)
    assert first.status_code == 422
    assert "nothing to roll back to" in first.json()["detail"]


def test_the_scores_of_corrected_tracks_are_worked_out(taught: tuple[Server, Path]) -> None:
    server, _ = taught
    tracks = track(server, "bob")
    points = [[track["center_mm"][0] + 3.0, track["center_mm"][1] + 4.0, track["center_mm"][2]] for track in tracks]
    lesions = [{"id": t["lesion_id"], "center_mm": p} for t, p in zip(tracks, points, strict=True)]
    ask(server, "correct_lesion", "bob__20210101", {"lesions": lesions})
    answer = requests.post(f"{server.url}/scoring/corrected", timeout=300)
    assert answer.status_code == 200, answer.text
    scores = answer.json()
    assert scores["corrected"]["n"] == 6
    assert scores["corrected"]["med_mm"] > 0
    assert "affine" in "".join(scores["models"])
