"""Interpreters that have the requirements, and Lesion Tracker only as a newcomer would have it."""

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

from lesion_tracker.places import APP, CHECKOUT

ENOUGH_S = 900
"""A bound, not an expectation: the machine may be busy with other things."""


@dataclass(frozen=True)
class Place:
    """An environment of its own.

    Args:
        programs: its folder of programs.
        packages: its site-packages.
        elsewhere: a folder to work in, far from the checkout.
    """

    programs: Path
    packages: Path
    elsewhere: Path

    @property
    def python(self) -> str:
        """The interpreter."""
        return str(self.programs / "python")

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a process: nothing leads to this checkout, and what a user keeps lies in `elsewhere/data`."""
        known = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LESION_TRACKER"))}
        return {**known, "XDG_DATA_HOME": str(self.elsewhere / "data"), "NO_PROXY": "127.0.0.1"}

    def run(self, *command: str | Path, code: int = 0) -> str:
        """Run a command in `elsewhere`, which must end with a code; return what it printed."""
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.elsewhere,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=ENOUGH_S,
        )
        assert done.returncode == code, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout


def new_place(folder: Path, wheel: Path | None = None) -> Place:
    """Make an environment with this one's requirements, but without its Lesion Tracker.

    A folder that a .pth file names is searched for packages, but the .pth files in it do not count: so the editable
    installation of this checkout is not seen.

    Args:
        folder: where.
        wheel: what is installed into it, before the requirements can be seen.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    programs = folder / "venv" / "bin"
    if wheel is not None:
        command = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(programs / "python"),
            "install",
            "--no-deps",
            "--no-index",
        ]
        subprocess.run([*command, "--quiet", "--disable-pip-version-check", str(wheel)], check=True)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (packages / "requirements.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (folder / "elsewhere").mkdir()
    return Place(programs, packages, folder / "elsewhere")


def copy_of_the_app(folder: Path) -> Path:
    """Copy the app's folder as a newcomer would, without what a server or a test left in it."""
    left = shutil.ignore_patterns("__pycache__", "bin", "lib", "logs", "versions", "published.json")
    return Path(shutil.copytree(APP, folder / "app", ignore=left))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run([*command, "--disable-pip-version-check", "--wheel-dir", str(folder), str(CHECKOUT)], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return an environment with the wheel."""
    return new_place(tmp_path_factory.mktemp("installed"), wheel)


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return an environment without Lesion Tracker."""
    place = new_place(tmp_path_factory.mktemp("bare"))
    place.run(place.python, "-c", "import torch.version, monailabel")
    place.run(place.python, "-c", "import lesion_tracker.commands", code=1)
    return place
