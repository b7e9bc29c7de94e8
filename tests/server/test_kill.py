"""Killed at random moments during mark, track, correct and train: what was acknowledged is there, and nothing is torn."""

import json
import logging
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import requests

from lesion_tracker.network.weights import load_tracker
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.training.learning.publish import ModelStore
from tests.server.clicks import BY_NAME, expected_mm
from tests.server.conftest import Server, start_server, stop, wait_until_ready
from tests.server.phantom import SHIFTS_MM, write_patients
from tests.server.taught_server import correct, get, mark, publish_tiny, track

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]

logger = logging.getLogger(__name__)

PATIENTS = sorted(SHIFTS_MM)
KINDS = ("mark", "track", "correct", "train")
ENOUGH_S = 300
MORE_ROUNDS = 4
"""A server may be killed in the instant between two requests of a reader; such a round does not count for this kind."""

TRAINING = "monailabel.interfaces.utils.app"
"""Is in the command line of a training's process."""


class Readers:
    """Sends requests of one kind without end, and remembers what the server acknowledged."""

    def __init__(self, server: Server, kind: str, seed: int) -> None:
        self.server, self.kind = server, kind
        self.acknowledged: list[tuple[str, str, list[float]]] = []
        self._lost = False
        self._rng = np.random.default_rng(seed)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Readers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(120)

    @property
    def broken(self) -> bool:
        """Say whether the server ended while it worked on a request of this reader, as far as a client can tell."""
        return not self._thread.is_alive() and self._lost

    def _run(self) -> None:
        while True:
            try:
                getattr(self, f"_{self.kind}")(PATIENTS[self._rng.integers(len(PATIENTS))])
            except (requests.RequestException, AssertionError, ValueError) as error:
                self._lost = isinstance(error, requests.RequestException) and "refused" not in str(error)
                return

    def _mark(self, patient: str) -> None:
        """Mark a lesion a little beside its place; the place that was sent last counts."""
        center = (np.array(BY_NAME[patient].lesions_mm[0]) + self._rng.uniform(-1, 1, 3)).round(3).tolist()
        lesion = {"id": "lesion_1", "center_mm": center, "radius_mm": 8.0}
        self._send("mark_lesion", f"{patient}__20200101", lesion)
        self.acknowledged.append(("lesions", f"{patient}__20200101", center))

    def _correct(self, patient: str) -> None:
        center = (expected_mm(patient)[0] + self._rng.uniform(-1, 1, 3)).round(3).tolist()
        self._send("correct_lesion", f"{patient}__20210101", {"id": "lesion_1", "center_mm": center})
        self.acknowledged.append(("corrections", f"{patient}__20210101", center))

    def _track(self, patient: str) -> None:
        for one in track(self.server, patient):
            self.acknowledged.append(("tracks", f"{patient}__20210101", one["center_mm"]))

    def _train(self, patient: str) -> None:
        requests.post(f"{self.server.url}/train/track_lesion", json={"steps": 8}, timeout=60)
        time.sleep(0.5)

    def _send(self, model: str, image: str, lesion: dict[str, Any]) -> None:
        answer = self.server.infer(model, image, json.dumps({"lesions": [lesion]}), output="json")
        assert answer.status_code == 200


def require_all_there(studies: Path, model: Path, acknowledged: list[tuple[str, str, list[float]]]) -> None:
    """Check that every acknowledged record is in its history, and that every file can be read."""
    for tag, study, center in acknowledged:
        kept = centers(studies / "labels" / tag / f"{study}.jsonl", tag.removesuffix("s"))
        assert center in kept, f"{tag} of {study}: {center} was acknowledged and is lost"
    for path in [*studies.rglob("*.json"), *model.rglob("*.json")]:
        json.loads(path.read_text())
    marks = MarkStore(studies / "labels")
    assert all(marks.lesions(f"{patient}__20200101") for patient in PATIENTS)
    store = ModelStore(model)
    load_tracker(store.folder_of(store.published().version), "cpu")


def centers(path: Path, record: str) -> list[list[float]]:
    """Return the centre of every record in a history, whole lines only."""
    lines = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    return [line[record]["center_mm"] for line in lines if record in line]


def is_training(process: psutil.Process) -> bool:
    """Say whether a process of the server is a training."""
    try:
        return TRAINING in " ".join(process.cmdline())
    except psutil.Error:
        return False


def wait_for_training(pid: int) -> None:
    """Return as soon as the server has a training; one follows the other, so that there is one at most moments."""
    end = time.monotonic() + ENOUGH_S
    while not any(is_training(child) for child in psutil.Process(pid).children(recursive=True)):
        assert time.monotonic() < end, "no training was started: nothing could be killed in it"
        time.sleep(0.05)


def killed_family(pid: int) -> tuple[list[psutil.Process], bool]:
    """Kill the server alone, as the system does; return the processes that it had started, and whether one trained."""
    children = psutil.Process(pid).children(recursive=True)
    trained = any(is_training(child) for child in children)
    os.kill(pid, signal.SIGKILL)
    return children, trained


Start = Callable[[], tuple[subprocess.Popen[bytes], Server]]


@pytest.fixture
def place(tmp_path: Path) -> tuple[Start, Path, Path]:
    """Return a function that starts the server of one folder again and again, the studies and the weights."""
    studies, model = tmp_path / "studies", tmp_path / "model"
    studies.mkdir()
    write_patients(studies)
    publish_tiny(model)
    conf = {"method": "affine", "background": "false", "model_dir": str(model), "device": "cpu"}

    def start() -> tuple[subprocess.Popen[bytes], Server]:
        log = tmp_path / "server.log"
        process, url = start_server(studies, log, conf)
        wait_until_ready(process, url, log)
        return process, Server(url, studies, process.pid, log)

    return start, studies, model


@pytest.mark.parametrize("times", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_at_random_moments_nothing_acknowledged_is_lost(place: tuple[Start, Path, Path], times: int) -> None:
    start, studies, model = place
    rng = random.Random(times)
    hit: Counter[str] = Counter()  # rounds that ended within a request, or a training, of each kind
    process, server = start()
    try:
        for patient in PATIENTS:
            mark(server, patient)
            track(server, patient)
            correct(server, patient)
        for round_ in range(times + MORE_ROUNDS):
            with ExitStack() as stack:
                readers = [Readers(server, kind, seed=round_) for kind in KINDS]
                for reader in readers:
                    stack.enter_context(reader)
                alive_s = rng.uniform(1.0, 25.0)
                time.sleep(alive_s)
                wait_for_training(process.pid)
                children, in_training = killed_family(process.pid)
            process.wait(60)
            hit.update(reader.kind for reader in readers if reader.broken and reader.kind != "train")
            hit["train"] += in_training
            psutil.wait_procs(children, timeout=ENOUGH_S)
            assert not [child for child in children if child.is_running()], "a training outlived its server"
            acknowledged = [record for reader in readers for record in reader.acknowledged]
            counts = dict(Counter(tag for tag, _, _ in acknowledged))
            logger.info("round %d: killed after %.1f s, in training: %s, %s", round_, alive_s, in_training, counts)
            assert {tag for tag, _, _ in acknowledged} >= {"lesions", "corrections"}
            require_all_there(studies, model, acknowledged)
            process, server = start()
            assert len(track(server, "ann")) == 2
            assert get(server, "/models/")["published"] == ModelStore(model).published().version
            if all(hit[kind] >= times for kind in KINDS):
                break
        assert all(hit[kind] >= times for kind in KINDS), hit
    finally:
        stop(process)
