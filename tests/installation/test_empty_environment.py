"""The whole way of a newcomer without a checkout: an empty environment, `pip install .`, and then from another folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lesion_tracker.places import CHECKOUT
from lesion_tracker.server.local_server import free_port
from tests.installation.conftest import Place
from tests.installation.servers import served
from tests.installation.test_shell import track_the_sample
from tests.server.taught_server import get

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]

INSTALL_S = 3600


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return an environment into which only `pip install .` was done, with the versions of constraints.txt."""
    folder = tmp_path_factory.mktemp("newcomer")
    assert CHECKOUT is not None
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PIP_CONSTRAINT": str(CHECKOUT / "constraints.txt")}
    own = str(Path(sys.executable).resolve())  # not that of an environment
    subprocess.run([own, "-m", "venv", str(folder / "venv")], env=environment, check=True)
    command = [str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", str(CHECKOUT)]
    subprocess.run(command, env=environment, check=True, timeout=INSTALL_S)
    (folder / "elsewhere").mkdir()
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    return Place(folder / "venv" / "bin", packages, folder / "elsewhere")


def test_it_tracks(newcomer: Place) -> None:
    track_the_sample(newcomer, [newcomer.programs / "lesion-tracker"])


def test_it_serves(newcomer: Place) -> None:
    port = free_port()
    command = [newcomer.programs / "lesion-tracker", "serve", "--port", str(port)]
    with served(newcomer, command, port, newcomer.elsewhere / "data/lesion_tracker/studies") as server:
        assert get(server, "/info/")["name"] == "Lesion Tracker"


def test_it_shows_the_demo(newcomer: Place) -> None:
    assert "found, auto" in newcomer.run(newcomer.programs / "lesion-tracker", "demo")


def test_nothing_that_it_needs_is_missing_or_of_another_version(newcomer: Place) -> None:
    assert "No broken requirements" in newcomer.run(newcomer.python, "-m", "pip", "check")
