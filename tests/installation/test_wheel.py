"""The wheel holds the package with all that it needs, and nothing else."""

import zipfile
from pathlib import Path

import pytest

from lesion_tracker import __version__
from lesion_tracker.places import APP, MODEL, PACKAGE, SAMPLE

FOLDERS = {
    PACKAGE: "lesion_tracker",
    APP / "clients": "lesion_tracker/app/clients",
    MODEL: "lesion_tracker/app/model",
    SAMPLE: "lesion_tracker/sample",
}
"""Where the folders of the checkout lie in it."""
LEFT_OUT = {"__pycache__", "first_part", "versions", "published.json", ".publish.lock"}


@pytest.fixture(scope="module")
def content(wheel: Path) -> dict[str, bytes]:
    """Return the files of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_every_file_of_the_package_unchanged(content: dict[str, bytes]) -> None:
    wanted = {"lesion_tracker/app/main.py": APP / "main.py"} | {
        f"{target}/{path.relative_to(folder).as_posix()}": path
        for folder, target in FOLDERS.items()
        for path in folder.rglob("*")
        if path.is_file() and not LEFT_OUT & {*path.relative_to(folder).parts}
    }
    assert len(wanted) > 200
    for name, path in wanted.items():
        assert content.get(name) == path.read_bytes(), name
    assert {name for name in content if ".dist-info/" not in name} == wanted.keys()


def test_it_holds_no_draft_and_no_byte_code(content: dict[str, bytes]) -> None:
    assert [name for name in content if "first_part" in name or "versions/" in name or name.endswith(".pyc")] == []
    assert sum(name.endswith("weights.safetensors") for name in content) == 1


def test_it_says_what_it_is_and_under_which_licence(content: dict[str, bytes]) -> None:
    (licence,) = [name for name in content if name.endswith("licenses/LICENSE")]
    assert b"Apache License" in content[licence]
    (metadata,) = [data.decode() for name, data in content.items() if name.endswith("/METADATA")]
    head, _, page = metadata.partition("\n\n")
    assert {"Name: lesion-tracker", f"Version: {__version__}", "License-Expression: Apache-2.0"} <= set(
        head.split("\n")
    )
    assert "Requires-Dist: monailabel==0.8.5" in head
    assert "not a medical device" in page
    assert b"Creative Commons Attribution 3.0" in content["lesion_tracker/sample/SOURCE.md"]
