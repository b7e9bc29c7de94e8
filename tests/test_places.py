"""Everything beside the modules is found in a checkout, in a copied app folder, and in an installed wheel."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from lesion_tracker import places

ROOT = Path(__file__).parents[1]
NAMES = ("APP", "MODEL", "SAMPLE", "CHECKOUT", "INSTALLED")


def _places_of(import_folder: Path) -> dict[str, str]:
    """Return what places.py says in a process that imports the package from a folder."""
    code = (
        "import json, sys\n"
        f"sys.path.insert(0, {str(import_folder)!r})\n"
        "from lesion_tracker import places\n"
        f"print(json.dumps({{name: str(getattr(places, name)) for name in {NAMES}}}))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-S", "-c", code]  # without site-packages: nothing else is imported
    return dict(json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout))


def _package(folder: Path) -> Path:
    (folder / "lesion_tracker").mkdir(parents=True)
    for name in ("__init__.py", "places.py"):
        shutil.copy(places.PACKAGE / name, folder / "lesion_tracker")
    return folder / "lesion_tracker"


def test_in_the_checkout() -> None:
    assert places.CHECKOUT == ROOT
    assert not places.INSTALLED
    for path in (places.APP / "main.py", places.MODEL / "card.json", places.SAMPLE / "lesions.json"):
        assert path.is_file()


def test_in_an_app_folder_that_was_copied_elsewhere(tmp_path: Path) -> None:
    _package(tmp_path / "app")
    found = _places_of(tmp_path / "app")
    assert found["APP"] == str(tmp_path / "app")
    assert found["MODEL"] == str(tmp_path / "app" / "model")
    assert (found["CHECKOUT"], found["INSTALLED"]) == ("None", "False")
    assert not Path(found["SAMPLE"]).exists()


def test_a_copy_below_folders_of_the_same_names_is_no_checkout(tmp_path: Path) -> None:
    _package(tmp_path / "apps" / "lesion_tracker")
    assert _places_of(tmp_path / "apps" / "lesion_tracker")["CHECKOUT"] == "None"


def test_in_an_installed_wheel(tmp_path: Path) -> None:
    package = _package(tmp_path)
    (package / "app").mkdir()
    found = _places_of(tmp_path)
    assert found["INSTALLED"] == "True"
    assert found["CHECKOUT"] == "None"
    assert found["APP"] == str(package / "app")
    assert found["SAMPLE"] == str(package / "sample")


def test_no_other_module_looks_for_places_by_itself() -> None:
    computed = [
        str(path.relative_to(places.PACKAGE))
        for path in places.PACKAGE.rglob("*.py")
        if path.name != "places.py" and "Path(__file__)" in path.read_text()
    ]
    assert computed == []


def test_what_a_user_keeps_lies_where_the_user_says(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert places.user_folder() == tmp_path / "lesion_tracker"
    for named in ("", "not/absolute"):
        monkeypatch.setenv("XDG_DATA_HOME", named)
        assert places.user_folder() == Path.home() / ".local" / "share" / "lesion_tracker"


def test_a_process_of_its_own_finds_this_package_first(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", "before")
    assert places.python_path(tmp_path) == os.pathsep.join([str(places.APP), str(tmp_path), "before"])
    monkeypatch.setattr(places.site, "getsitepackages", lambda: [str(places.APP)])
    assert places.import_folders() == []  # site-packages never come before Python's own modules
    monkeypatch.delenv("PYTHONPATH")
    assert places.python_path() == ""
