"""One real server for all tests of this folder, on drawn patients, and the clients that nobody here wrote."""

import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from lesion_tracker.server import local_server
from lesion_tracker.server.local_server import START_S, free_port, stop, wait_until_ready
from tests.server.phantom import write_patients

__all__ = ["START_S", "free_port", "stop", "wait_until_ready"]

ROOT = Path(__file__).parents[2]
APP = ROOT / "apps" / "lesion_tracker"
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


def start_server(
    studies: Path | str, log: Path, conf: dict[str, str], more: dict[str, str] | None = None
) -> tuple["subprocess.Popen[bytes]", str]:
    """Start `monailabel start_server`, with more environment, and return its process and address at once."""
    return local_server.start_server(studies, log, conf, {"NO_PROXY": "127.0.0.1", **(more or {})})


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
