"""The drawn patients' server and the plugin's client, as in tests/server, and a server with accounts."""

from collections.abc import Iterator

import pytest

from tests.server.conftest import Server, server, slicer_client
from tests.server.locked_server import locked_server
from tests.server.phantom import write_patients

__all__ = ["server", "slicer_client"]


@pytest.fixture(scope="session")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server of the drawn patients that wants a log-in."""
    folder = tmp_path_factory.mktemp("slicer-accounts")
    studies = folder / "studies"
    studies.mkdir()
    write_patients(studies)
    with locked_server(folder, studies, {"method": "affine", "background": "false"}) as running:
        yield running
