"""One real server for all tests of this folder, on drawn patients, and the clients that nobody here wrote."""

import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.server.phantom import write_patients

ROOT = Path(__file__).parents[2]
APP = ROOT / "apps" / "lesion_tracker"
START_S = 900
ANSWER_S = 600
"""Bounds, not expectations: the machine may be busy with other things."""


@dataclass(frozen=True)
class Server:
    """A running server.

    Args:
        url: its address on loopback.
        studies: its folder of studies.
        pid: of its process.
        log: what it wrote.
    """

    url: str
    studies: Path
    pid: int
    log: Path

    def infer(self, model: str, image: str, params: Any = None, **query: str) -> requests.Response:
        """Send a request as any HTTP client may."""
        return requests.post(
            f"{self.url}/infer/{model}",
            params={"image": image, **query},
            data={} if params is None else {"params": params},
            timeout=ANSWER_S,
        )


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start_server(
    studies: Path | str, log: Path, conf: dict[str, str], more: dict[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], str]:
    """Start `monailabel start_server`, with more environment, and return its process and address at once."""
    port = free_port()
    command = [sys.executable, "-m", "monailabel.main", "start_server", "--app", str(APP), "--studies", str(studies)]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    for name, value in conf.items():
        command += ["--conf", name, value]
    environment = {**os.environ, "MONAI_LABEL_SESSION_PATH": str(log.parent / "sessions"), "NO_PROXY": "127.0.0.1"}
    environment |= more or {}
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=log.parent)
    return process, f"http://127.0.0.1:{port}"


def wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return once the server answers."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(f"the server ended with {process.returncode}:\n{log.read_text()[-3000:]}")
        try:
            if requests.get(f"{url}/info/", timeout=30).status_code == 200:
                return
        except requests.RequestException:
            time.sleep(0.3)
    pytest.fail(f"the server did not answer within {START_S} s:\n{log.read_text()[-3000:]}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server that `start_server` started."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(30)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server on drawn patients whose default method is affine."""
    folder = tmp_path_factory.mktemp("server")
    studies = folder / "studies"
    studies.mkdir()
    write_patients(studies)
    log = folder / "server.log"
    process, url = start_server(studies, log, {"method": "affine", "background": "false"})
    try:
        wait_until_ready(process, url, log)
        yield Server(url, studies, process.pid, log)
    finally:
        stop(process)


@pytest.fixture(scope="session")
def monailabel_client(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return MONAI Label's own Python client."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports cgi
        from monailabel.client import MONAILabelClient

    return MONAILabelClient(server.url, tmpdir=str(tmp_path_factory.mktemp("client")), client_id="python-test")


@pytest.fixture(scope="session")
def slicer_client(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the client of the Slicer plugin, from the installed wheel."""
    plugin = Path(sys.prefix) / "monailabel" / "plugins" / "slicer" / "MONAILabel"
    sys.path.insert(0, str(plugin))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it imports cgi
            from MONAILabelLib import MONAILabelClient
    finally:
        sys.path.remove(str(plugin))
    return MONAILabelClient(server.url, tmpdir=str(tmp_path_factory.mktemp("slicer")), client_id="user-xyz")


@pytest.fixture(scope="session")
def marked(server: Server, slicer_client: Any) -> Callable[[str], None]:
    """Return a function that marks a patient's lesions in the earliest study, once, as Slicer does."""
    from tests.server.clicks import click_lesions

    done: set[str] = set()

    def mark(patient: str) -> None:
        if patient not in done:
            click_lesions(slicer_client, patient)
            done.add(patient)

    return mark
