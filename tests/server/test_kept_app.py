"""The app's folder of an installed server: made from the package, brought up to it, and what was made there is kept."""

import json
import os
import shutil
from pathlib import Path

import pytest

from lesion_tracker.errors import InputError
from lesion_tracker.network.weights import load_tracker
from lesion_tracker.places import APP
from lesion_tracker.server import kept_app
from lesion_tracker.server.kept_app import CARD, NOTE, POINTER, WEIGHTS, bring_up_to_date, is_somebodys_own


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the shipped app's folder of a package that can be upgraded: a copy of this one's."""
    app = tmp_path / "package"
    for name in ("clients", "model"):
        shutil.copytree(APP / name, app / name, ignore=shutil.ignore_patterns("versions", "published.json"))
    shutil.copy(APP / "main.py", app)
    monkeypatch.setattr(kept_app, "APP", app)
    return app


@pytest.fixture
def kept(package: Path, tmp_path: Path) -> Path:
    """Return the folder that was made from it."""
    app = tmp_path / "data" / "app"
    assert bring_up_to_date(app) == []
    return app


def _upgrade(package: Path) -> None:
    """Ship other weights (those of the first part), another panel and no README."""
    for name in (WEIGHTS, CARD):
        shutil.copy(package / "model" / "first_part" / Path(name).name, package / name)
    (package / "clients" / "ohif" / "lesion-panel.js").write_text("// newer")
    (package / "model" / "README.md").unlink()


def _sha256(app: Path) -> str:
    return load_tracker(app / "model", "cpu").sha256


def test_it_holds_what_a_server_needs_and_nothing_else(kept: Path, package: Path) -> None:
    names = {path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file()}
    assert {"main.py", "clients/ohif/lesion-panel.js", WEIGHTS, CARD, "model/validation/inputs.npz", NOTE} <= names
    assert not [name for name in names if "first_part" in name or "__pycache__" in name]
    for name in names - {NOTE}:
        assert (kept / name).read_bytes() == (package / name).read_bytes()


def test_an_upgrade_brings_its_weights_and_files(kept: Path, package: Path) -> None:
    before = _sha256(kept)
    (kept / "logs").mkdir()
    (kept / "logs" / "app.log").write_text("a line")
    _upgrade(package)
    assert bring_up_to_date(kept) == []
    assert _sha256(kept) == _sha256(package) != before
    assert (kept / "clients/ohif/lesion-panel.js").read_text() == "// newer"
    assert not (kept / "model/README.md").exists()
    assert (kept / "logs/app.log").read_text() == "a line"


def test_published_weights_go_on_answering_and_it_is_said(kept: Path, package: Path) -> None:
    version = kept / "model" / "versions" / "20260101-abc" / "weights.safetensors"
    version.parent.mkdir(parents=True)
    version.write_bytes(b"learned here")
    (kept / POINTER).write_text(json.dumps({"schema": 1, "published": "20260101-abc", "before": ["shipped"]}))
    pointer = (kept / POINTER).read_bytes()
    assert bring_up_to_date(kept) == []
    _upgrade(package)
    (said,) = bring_up_to_date(kept)
    assert said.endswith("go on answering, not the package's newer ones")
    assert version.read_bytes() == b"learned here"
    assert (kept / POINTER).read_bytes() == pointer


@pytest.mark.parametrize("changed", [WEIGHTS, CARD])
def test_weights_that_were_put_there_by_hand_stay_with_their_card(kept: Path, package: Path, changed: str) -> None:
    (kept / changed).write_bytes(b"by hand")
    other = CARD if changed == WEIGHTS else WEIGHTS
    before = (kept / other).read_bytes()
    _upgrade(package)
    for _ in range(2):  # also at the next start
        said = bring_up_to_date(kept)
        assert [Path(sentence.split(" was changed by hand")[0]) for sentence in said] == [kept / CARD, kept / WEIGHTS]
        assert (kept / changed).read_bytes() == b"by hand"
        assert (kept / other).read_bytes() == before


def test_a_missing_file_is_put_back(kept: Path) -> None:
    (kept / CARD).unlink()
    assert bring_up_to_date(kept) == []
    assert _sha256(kept)


def test_an_upgrade_that_was_broken_off_goes_on(kept: Path, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _upgrade(package)
    order = []

    def full_after_one(data: bytes, path: Path, *, durable: bool) -> None:
        if order:
            raise OSError(28, "No space left on device")
        order.append(path)
        path.write_bytes(data)

    with monkeypatch.context() as patch:
        patch.setattr(kept_app, "write_bytes", full_after_one)
        with pytest.raises(InputError, match=r"cannot be written to: No space left on device; name another one, --app"):
            bring_up_to_date(kept)
    assert bring_up_to_date(kept) == []
    assert _sha256(kept) == _sha256(package)


def test_a_folder_in_use_is_refused_and_an_empty_one_is_not(tmp_path: Path, package: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert bring_up_to_date(tmp_path / "empty") == []
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("x")
    with pytest.raises(InputError, match="photos holds other things: name a new folder"):
        bring_up_to_date(tmp_path / "photos")
    assert os.listdir(tmp_path / "photos") == ["a.jpg"]


def test_somebodys_own_app_is_told_from_one_that_was_made_here(kept: Path, package: Path, tmp_path: Path) -> None:
    assert is_somebodys_own(package)
    assert not is_somebodys_own(kept)
    assert not is_somebodys_own(tmp_path)
