"""The same cohort on a local Ray with two workers, of which one is killed while it works."""

import csv
import importlib.util
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from lesion_tracker.commands import track_cohort
from lesion_tracker.commands.dispatch import main
from tests.commands.standin_job import answer

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray, an optional dependency, is not installed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def cohort(tmp_path):
    """Return a cohort of four patients whose pairs take two seconds each."""
    lesions = {"lesions": [{"id": "a", "center_mm": [1.0, 2.0, 3.0], "radius_mm": 5.0}]}
    (tmp_path / "lesions.json").write_text(json.dumps(lesions))
    rows = [["patient", "date", "image", "lesions"]]
    for patient in "pqrs":
        for n, date in enumerate(("20200101", "20200401", "20200701")):
            image = tmp_path / f"{patient}_{n}_{'slow' if n else 'x'}.nii.gz"
            image.write_text("the stand-in does not read it")
            rows.append([patient, date, image.name, "" if n else "lesions.json"])
    path = tmp_path / "cohort.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def kill_the_first(log, killed, over):
    """Wait for a worker that works, and kill it, until the run is over."""
    while not over.is_set():
        for path in log.glob("*.pid"):
            text = path.read_text()
            if text:
                os.kill(int(text), signal.SIGKILL)
                killed.append(int(text))
                return
        time.sleep(0.05)


@pytest.mark.long
def test_a_worker_is_killed_and_nothing_is_lost_or_done_twice(cohort, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(track_cohort, "track_job", answer)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # where the stand-in lies
    log, killed, over = tmp_path / "log", [], threading.Event()
    log.mkdir()
    words = ["--out", tmp_path / "out", "--method", "affine", "--cache", log, "--ray", "local", "--workers", "2"]
    hunter = threading.Thread(target=kill_the_first, args=(log, killed, over))
    hunter.start()
    try:
        code = main(["track-cohort", str(cohort), *map(str, words)])
    finally:
        over.set()
        hunter.join()
    assert code == 0
    assert killed
    rows = list(csv.DictReader((tmp_path / "out" / "cohort.csv").read_text().splitlines()))
    assert [row["error"] for row in rows] == [""] * 12
    assert len({(row["patient"], row["way"], row["followup_date"]) for row in rows}) == 12
    assert len(list((tmp_path / "out" / "pairs").iterdir())) == 12
    calls = (log / "calls").read_text().splitlines()
    assert len({call.split()[-1] for call in calls}) >= 3  # two workers, and the one that took the dead one's place
    assert len(calls) == 13  # 12 pairs, and the one that died was begun twice
    assert "12 pairs: 12 tracked, 0 known already, 0 failed" in capsys.readouterr().out


def test_a_cluster_that_is_not_there_is_bad_input(cohort, tmp_path, capsys):
    words = ["track-cohort", str(cohort), "--out", str(tmp_path / "out"), "--method", "affine"]
    assert main([*words, "--ray", "auto"]) == 2
    assert "--ray auto: there is no such cluster" in capsys.readouterr().err
