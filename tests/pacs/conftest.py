"""One Orthanc for all tests of this folder, and one patient whose studies each test adds under a name of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lesion_tracker.files.disk_cache import DiskCache
from lesion_tracker.pacs.dicomweb import DicomWeb
from lesion_tracker.pacs.pacs import Pacs
from lesion_tracker.pacs.series_records import SeriesRecords
from tests.pacs.orthanc import Orthanc
from tests.server.conftest import Server, start_server, stop, wait_until_ready

MIB = 1024 * 1024


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Return a running PACS without a login."""
    running = Orthanc(tmp_path_factory.mktemp("orthanc"))
    running.start()
    try:
        yield running
    finally:
        running.stop()


def pacs_on(address: str, folder: Path, **more: float) -> Pacs:
    """Return the product's view of a PACS, with its cache and records in a folder."""
    cache = DiskCache(folder / "cache", 1000 * MIB, 30.0)
    return Pacs(DicomWeb(address, **more), cache, SeriesRecords(folder / "records"))


@pytest.fixture
def pacs(orthanc: Orthanc, tmp_path: Path) -> Pacs:
    """Return the product's view of the running PACS, with an empty cache."""
    return pacs_on(orthanc.dicom_web, tmp_path)


@pytest.fixture(scope="session")
def server(orthanc: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server on the running PACS whose default method is affine; it can reach nothing but loopback."""
    folder = tmp_path_factory.mktemp("server-on-pacs")
    (folder / "tmp").mkdir()
    log = folder / "server.log"
    conf = {"method": "affine", "data_dir": str(folder / "data")}
    nowhere = "http://127.0.0.1:9"
    more = {
        "MONAI_LABEL_DICOMWEB_CACHE_PATH": str(folder / "cache"),
        "TMPDIR": str(folder / "tmp"),
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), nowhere),
    }
    process, url = start_server(orthanc.dicom_web, log, conf, more)
    try:
        wait_until_ready(process, url, log)
        yield Server(url, folder, process.pid, log)
    finally:
        stop(process)
