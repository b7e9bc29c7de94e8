"""A server on a PACS with the sample patient, and Chromium to open its OHIF."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lesion_tracker.commands.sample_to_pacs import STUDIES, write
from lesion_tracker.volumes.dicom_writer import uid_of
from tests.pacs.orthanc import Orthanc, drawn_series, needs_orthanc
from tests.server.conftest import ROOT, Server, start_server, stop, wait_until_ready
from tests.server.locked_server import locked_server
from tests.server.phantom import PATIENTS

HERE = Path(__file__).parent
NODE = shutil.which("node")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
PLAYWRIGHT = Path(os.environ.get("PLAYWRIGHT", ROOT / ".node" / "node_modules" / "playwright-core"))
AXE = PLAYWRIGHT.parent / "axe-core" / "axe.min.js"
SHOTS = ROOT / "build" / "browser"
SCENARIO_S = 1800

needs_browser = pytest.mark.skipif(
    not (NODE and CHROMIUM and PLAYWRIGHT.is_dir()),
    reason="node, Chromium or playwright-core is not installed (apt-get install chromium nodejs npm; make .node/.tried): "
    "no real browser was opened",
)

Scenario = Callable[..., dict[str, Any]]

__all__ = ["needs_browser", "needs_orthanc"]


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Orthanc, list[str]]]:
    """Return a PACS with the sample patient and its StudyInstanceUIDs, the earlier first; and one drawn patient."""
    folder = tmp_path_factory.mktemp("browser-pacs")
    orthanc = Orthanc(folder / "orthanc")
    orthanc.start()
    try:
        uids = []
        for path in sorted(STUDIES.glob("*.nii.gz")):
            uid, files = write(path, folder / "dicom")
            orthanc.send(files)
            uids.append(uid)
        for series in ("first", "second"):
            volume = PATIENTS[0].study()
            names = {"patient": "two series", "study": "two series", "date": "20200101"}
            _, files = drawn_series(folder, volume, series=series, frame_of_reference_uid="1.2.3", **names)
            orthanc.send(files)
        yield orthanc, uids
    finally:
        orthanc.stop()


@pytest.fixture(scope="session")
def server(studies: tuple[Orthanc, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server on that PACS that may store results there, else with its usual settings."""
    folder = tmp_path_factory.mktemp("browser-server")
    log = folder / "server.log"
    more = {"MONAI_LABEL_DICOMWEB_CACHE_PATH": str(folder / "cache")}
    process, url = start_server(
        studies[0].dicom_web, log, {"data_dir": str(folder / "data"), "pacs_write": "true"}, more
    )
    try:
        wait_until_ready(process, url, log)
        yield Server(url, folder, process.pid, log)
    finally:
        stop(process)


@pytest.fixture(scope="session")
def locked(studies: tuple[Orthanc, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server with accounts on that PACS."""
    folder = tmp_path_factory.mktemp("browser-locked")
    more = {"MONAI_LABEL_DICOMWEB_CACHE_PATH": str(folder / "cache")}
    conf = {"method": "affine", "data_dir": str(folder / "data")}
    with locked_server(folder, studies[0].dicom_web, conf, more) as running:
        yield running


@pytest.fixture(scope="session")
def scenario(server: Server) -> Scenario:
    """Return a function that runs a scenario of scenario.js and returns what it saw; screenshots go to build/browser."""

    def run(name: str, **given: Any) -> dict[str, Any]:
        return run_scenario(server, "scenario.js", name, **given)

    return run


def run_scenario(server: Server, script: str, name: str, **given: Any) -> dict[str, Any]:
    """Run a scenario of one of the scripts beside this file on a server; return what it saw."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    config = json.dumps({"base": server.url, "shots": str(SHOTS), **given})
    done = subprocess.run(
        [str(NODE), str(HERE / script), name, config],
        env={**os.environ, "PLAYWRIGHT": str(PLAYWRIGHT), "CHROMIUM": str(CHROMIUM)},
        capture_output=True,
        text=True,
        timeout=SCENARIO_S,
    )
    assert done.returncode == 0, f"{done.stderr}\n{server.log.read_text()[-2000:]}"
    return dict(json.loads(done.stdout.splitlines()[-1]))


def drawn_study_uid() -> str:
    """Return the StudyInstanceUID of the drawn patient's study."""
    return uid_of("tests", "two series")


def drawn_series_uid(series: str) -> str:
    """Return the SeriesInstanceUID of one of its series."""
    return uid_of("tests", "two series", series)
