"""Servers without a checkout: an installed one keeps an app's folder of its own; a copied app's folder needs no installing."""

import json
import shutil
import time
from pathlib import Path

import pytest
import requests

from lesion_tracker import __version__
from lesion_tracker.network.weights import load_tracker, save_tracker
from lesion_tracker.places import SAMPLE
from lesion_tracker.server.local_server import free_port, start_command
from tests.installation.conftest import ENOUGH_S, Place, copy_of_the_app
from tests.installation.servers import served
from tests.server.conftest import Server
from tests.server.phantom import write_patients
from tests.server.taught_server import ask, correct, get, mark, publish_tiny, track
from tests.training.taught import tiny_tracker

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]

OPTIONS = {"steps": 4000, "minutes": 60}
BASELINE, FOLLOWUP = "LIDC-IDRI-0001__20000101", "LIDC-IDRI-0001__20000401__constructed"


def _files(folder: Path) -> dict[str, int]:
    """Return the files of a folder, and when they were changed."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in found}


def _model_of_a_track(server: Server) -> str:
    """Track the sample's lesion by `auto`; return the hash of the weights that the answer names."""
    ask(server, "mark_lesion", BASELINE, json.loads((SAMPLE / "lesions.json").read_text()))
    (found,) = ask(server, "track_lesion", FOLLOWUP, {})["tracks"]
    assert found["state"] == "found"
    assert found["method"].startswith("auto (")
    return str(found["model"]["sha256"])


def test_the_installed_server_keeps_its_app_folder_and_leaves_the_package_alone(installed: Place) -> None:
    package = installed.packages / "lesion_tracker"
    before = _files(package)
    port = free_port()
    command = [installed.programs / "lesion-tracker", "serve", "--port", str(port), "--conf", "background", "false"]
    kept = installed.elsewhere / "data" / "lesion_tracker"
    with served(installed, command, port, kept / "studies") as server:
        info = get(server, "/info/")
        assert (info["name"], info["version"]) == ("Lesion Tracker", __version__)
        assert get(server, "/models/")["published"] == "shipped"
        assert _model_of_a_track(server) == load_tracker(kept / "app" / "model", "cpu").sha256
        assert len(list((kept / "studies").glob("*.nii.gz"))) == 2
    assert (kept / "app" / "logs" / "app.log").is_file()
    assert _files(package) == before
    said = server.log.read_text()
    assert f"{command[0].name} serve --studies http://127.0.0.1:8042/dicom-web" in said


def test_the_installed_demo_draws_its_picture_where_it_was_started(installed: Place) -> None:
    said = installed.run(installed.programs / "lesion-tracker", "demo")
    assert "found, auto" in said
    assert said.endswith("picture: demo.png\n")
    assert (installed.elsewhere / "demo.png").stat().st_size > 10_000


def test_a_copied_app_folder_serves_learns_and_takes_other_weights_while_it_runs(bare: Place, tmp_path: Path) -> None:
    app, studies, port = copy_of_the_app(tmp_path), tmp_path / "studies", free_port()
    studies.mkdir()
    write_patients(studies)
    publish_tiny(app / "model")
    shutil.rmtree(app / "clients" / "slicer")  # nothing of it is needed
    command = start_command(
        str(studies), port, app=app, conf={"method": "affine", "background": "false", "device": "cpu"}
    )
    command = [
        bare.python,
        "-m",
        "monailabel.main",
        *command[3:],
    ]  # MONAI Label's own: no package of ours is installed here
    with served(bare, command, port, studies) as server:
        for patient in ("ann", "bob", "cid"):
            mark(server, patient)
            track(server, patient)  # registration runs in processes of its own
            correct(server, patient)
        first = track(server, "ann", "dlt")[0]["model"]["sha256"]
        assert first == load_tracker(app / "model", "cpu").sha256
        started = requests.post(f"{server.url}/train/track_lesion", json=OPTIONS, timeout=60)
        assert started.status_code == 200, started.text
        _wait_for_a_step(server)
        assert requests.delete(f"{server.url}/train/", timeout=60).json()["status"] == "STOPPED"
        save_tracker(tiny_tracker(7).net, app / "model", {"name": "replaced while it runs"})
        second = track(server, "ann", "dlt")[0]["model"]
        assert second["name"] == "replaced while it runs"
        assert second["sha256"] == load_tracker(app / "model", "cpu").sha256 != first


def _wait_for_a_step(server: Server) -> None:
    """Return once the process of the training has made a step."""
    end = time.monotonic() + ENOUGH_S
    while get(server, "/info/")["train_stats"]["track_lesion"].get("epoch", 0) < 1:
        task = get(server, "/train/")
        assert task["status"] in ("SUBMITTED", "RUNNING"), task
        assert time.monotonic() < end, f"no step within {ENOUGH_S} s: {task}"
        time.sleep(0.3)
