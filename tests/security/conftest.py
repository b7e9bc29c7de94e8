"""A server with accounts on drawn patients, for attacks."""

from collections.abc import Iterator

import pytest

from tests.server.conftest import Server
from tests.server.locked_server import locked_server
from tests.server.phantom import write_patients


@pytest.fixture(scope="package")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server with the reader ann and the admin boss."""
    folder = tmp_path_factory.mktemp("attacked")
    studies = folder / "studies"
    studies.mkdir()
    write_patients(studies)
    with locked_server(folder, studies, {"method": "affine", "background": "false"}) as server:
        yield server
