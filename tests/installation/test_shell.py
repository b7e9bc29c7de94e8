"""The command line from another folder: of an installed wheel, and of an app's folder that was only copied."""

import json
from pathlib import Path

import pytest

from lesion_tracker import __version__
from lesion_tracker.places import MODEL, SAMPLE
from lesion_tracker.scoring.provenance import versions
from tests.installation.conftest import Place, copy_of_the_app

LESIONS = SAMPLE / "lesions.json"
STUDIES = [SAMPLE / "studies" / f"LIDC-IDRI-0001__{name}.nii.gz" for name in ("20000101", "20000401__constructed")]


def test_the_installed_command_says_its_name_and_version(installed: Place) -> None:
    program = installed.programs / "lesion-tracker"
    assert installed.run(program, "--version") == f"Lesion Tracker {__version__}\n"
    assert installed.run(program, "--help").startswith("usage: lesion-tracker COMMAND")
    assert installed.run(program, "serve", "--help").startswith("usage: lesion-tracker serve")


@pytest.mark.long
def test_it_is_the_same_code(installed: Place) -> None:
    code = "from lesion_tracker.scoring.provenance import versions as v; print(v()['lesion_tracker_sources'])"
    assert installed.run(installed.python, "-c", code).strip() == versions()["lesion_tracker_sources"]


@pytest.mark.long
def test_a_copied_app_folder_has_its_own_command_line(bare: Place, tmp_path: Path) -> None:
    app = copy_of_the_app(tmp_path)
    assert bare.run(bare.python, app / "main.py", "--version") == f"Lesion Tracker {__version__}\n"
    assert bare.run(bare.python, app / "main.py", "track", "--help").startswith("usage: main.py track")


@pytest.mark.long
def test_the_installed_command_tracks_from_another_folder(installed: Place) -> None:
    track_the_sample(installed, [installed.programs / "lesion-tracker"])


@pytest.mark.long
def test_a_copied_app_folder_tracks_without_being_installed(bare: Place, tmp_path: Path) -> None:
    track_the_sample(bare, [bare.python, copy_of_the_app(tmp_path) / "main.py"])


def track_the_sample(place: Place, program: list[str | Path]) -> None:
    """Track the sample's lesion by `auto`: the answer names the shipped weights."""
    out, picture = place.elsewhere / "tracks.json", place.elsewhere / "tracks.png"
    place.run(*program, "track", *STUDIES, "--lesions", LESIONS, "--out", out.name, "--picture", picture.name)
    (track,) = json.loads(out.read_text())["tracks"]
    assert track["model"]["sha256"] == json.loads((MODEL / "card.json").read_text())["sha256"]
    assert track["state"] == "found"
    assert picture.stat().st_size > 10_000
