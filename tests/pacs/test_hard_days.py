"""Two servers on one cache, before a PACS with a login that is busy, stalls, breaks off or locks them out."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from tests.pacs.moody import MoodyPacs
from tests.pacs.orthanc import Orthanc, drawn_series, needs_orthanc
from tests.server.clicks import baseline_clicks, expected_mm
from tests.server.conftest import ANSWER_S, Server, start_server, stop, wait_until_ready
from tests.server.phantom import PATIENTS, SHIFTS_MM

pytestmark = [
    pytest.mark.pacs,
    pytest.mark.server,
    needs_orthanc,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PATIENT = {patient.name: patient for patient in PATIENTS}
CACHE_MB = 4
"""Three of these drawn series fit into it; the tests read four and more."""

TIMEOUT_S = 3.0
SOON_S = 60.0
"""A bound on a busy machine for what may take a few timeouts."""

TOLERANCE_MM = 7.0
"""A click is a whole voxel, and affine registration of these drawings may miss by 4 mm."""

SECRET = "a secret of the PACS"


@pytest.fixture(scope="module")
def moody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MoodyPacs, Orthanc]]:
    """Return the stand-in and the Orthanc behind it, which wants a login."""
    orthanc = Orthanc(tmp_path_factory.mktemp("locked-orthanc"), {"reader": SECRET})
    orthanc.start()
    try:
        with MoodyPacs(orthanc.url).running() as pacs:
            yield pacs, orthanc
    finally:
        orthanc.stop()


@pytest.fixture(scope="module")
def servers(moody: tuple[MoodyPacs, Orthanc], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Return two servers with one cache and one folder of marks; both know the login."""
    folder = tmp_path_factory.mktemp("two-servers")
    conf = {"method": "affine", "background": "false", "data_dir": str(folder / "data")}
    conf |= {"pacs_cache_mb": str(CACHE_MB), "pacs_timeout_s": str(TIMEOUT_S)}
    more = {
        "MONAI_LABEL_DICOMWEB_CACHE_PATH": str(folder / "cache"),
        "MONAI_LABEL_DICOMWEB_USERNAME": "reader",
        "MONAI_LABEL_DICOMWEB_PASSWORD": SECRET,
    }
    with ExitStack() as stack:
        running = []
        for number in range(2):
            log = folder / f"server-{number}.log"
            process, url = start_server(moody[0].dicom_web, log, conf, more)
            stack.callback(stop, process)
            wait_until_ready(process, url, log)
            running.append(Server(url, folder, process.pid, log))
        yield running


Send = Callable[[str, str], tuple[str, str]]


@pytest.fixture
def send(moody: tuple[MoodyPacs, Orthanc], tmp_path: Path) -> Send:
    """Return a function that stores the two studies of a drawn patient under another name; returns their series."""

    def store(drawn: str, name: str) -> tuple[str, str]:
        uids = []
        for study, date, shift in (("old", "20200101", (0.0, 0.0, 0.0)), ("new", "20210101", SHIFTS_MM[drawn])):
            names = {"patient": name, "study": f"{name} {study}", "series": "axial", "date": date}
            uid, files = drawn_series(tmp_path, PATIENT[drawn].study(shift), **names)
            moody[1].send(files)
            uids.append(uid)
        return uids[0], uids[1]

    return store


def post(server: Server, model: str, image: str, params: dict[str, Any] | None = None) -> requests.Response:
    return server.infer(model, image, json.dumps(params or {}), output="json")


def refused(answer: requests.Response, *texts: str) -> None:
    assert answer.status_code == 502, answer.text
    for text in texts:
        assert text in answer.json()["detail"]


def entries(server: Server) -> list[Path]:
    return list((server.studies / "cache").glob("*/entries/*"))


def records(server: Server, series: str) -> list[Path]:
    return list((server.studies / "data").rglob(f"{series}.jsonl"))


def test_two_servers_share_one_cache_within_its_limit(servers: list[Server], send: Send) -> None:
    series = {"ann": send("ann", "two ann"), "bob": send("bob", "two bob")}
    for server, name in zip(servers, ("ann", "bob"), strict=True):
        assert post(server, "mark_lesion", series[name][0], baseline_clicks(name)).status_code == 200
    asked = [(server, name) for server in servers for name in ("ann", "bob")] * 2

    def track(pair: tuple[Server, str]) -> requests.Response:
        return post(pair[0], "track_lesion", series[pair[1]][1])

    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(track, asked))
    for (_, name), answer in zip(asked, answers, strict=True):
        assert answer.status_code == 200, answer.text
        found = [one["center_mm"] for one in answer.json()["tracks"]]
        np.testing.assert_allclose(found, expected_mm(name), atol=TOLERANCE_MM)
    kept = entries(servers[0])
    assert not [path for path in kept if path.name.startswith(".")]
    assert sum(file.stat().st_size for path in kept for file in path.rglob("*")) <= CACHE_MB * 2**20
    assert any("from the cache, which is full" in server.log.read_text() for server in servers)


def test_a_pacs_that_is_busy_twice_is_asked_a_third_time(
    servers: list[Server], moody: tuple[MoodyPacs, Orthanc], send: Send
) -> None:
    old, _ = send("cid", "busy")
    with moody[0].being("busy twice"):
        assert post(servers[0], "mark_lesion", old, baseline_clicks("cid")).status_code == 200
        assert moody[0].asked >= 3


def test_a_pacs_that_stalls_holds_up_nobody_else(
    servers: list[Server], moody: tuple[MoodyPacs, Orthanc], send: Send
) -> None:
    server = servers[0]
    old, new = send("cid", "stalls")
    assert post(server, "mark_lesion", old, baseline_clicks("cid")).status_code == 200
    with moody[0].being("stalls"), ThreadPoolExecutor(3) as clients:
        begun = time.monotonic()
        waiting = [
            clients.submit(post, server, "track_lesion", new),
            clients.submit(post, server, "mark_lesion", old, {"lesion_3": [[40, 40, 30]]}),
            clients.submit(requests.get, f"{server.url}/proxy/dicom/qido/studies", timeout=ANSWER_S),
        ]
        asked = []
        while not all(one.done() for one in waiting):
            start = time.monotonic()
            assert requests.get(f"{server.url}/info/", timeout=ANSWER_S).status_code == 200
            asked.append(time.monotonic() - start)
            time.sleep(0.05)
        for one in waiting:
            refused(one.result(), f"did not answer within {TIMEOUT_S:g} s")
        assert time.monotonic() - begun < SOON_S
    assert np.median(asked) < 0.3
    assert records(server, new) == []
    marks = post(server, "mark_lesion", old).json()["lesions"]
    assert [lesion["id"] for lesion in marks] == ["lesion_1", "lesion_2"]
    assert post(server, "track_lesion", new).status_code == 200


def test_a_series_that_is_cut_off_is_not_kept(
    servers: list[Server], moody: tuple[MoodyPacs, Orthanc], send: Send
) -> None:
    server = servers[0]
    old, _ = send("dea", "cut off")
    with moody[0].being("cuts files off"):
        refused(post(server, "mark_lesion", old, baseline_clicks("dea")), "broke off in the middle")
    assert old not in {path.name for path in entries(server)}
    assert not [path for path in entries(server) if path.name.startswith(".")]
    assert records(server, old) == []
    assert post(server, "mark_lesion", old, baseline_clicks("dea")).status_code == 200


def test_a_login_that_no_longer_counts_is_named(
    servers: list[Server], moody: tuple[MoodyPacs, Orthanc], send: Send
) -> None:
    server = servers[0]
    old, new = send("dea", "locked out")
    assert post(server, "mark_lesion", old, baseline_clicks("dea")).status_code == 200
    with moody[0].being("wrong login"):
        said = ("refused the login (status 401)", "MONAI_LABEL_DICOMWEB_USERNAME")
        refused(post(server, "track_lesion", new), *said)
        assert moody[0].asked == 1  # a login does not become right by asking again
        refused(requests.get(f"{server.url}/proxy/dicom/qido/studies", timeout=ANSWER_S), *said)
    assert records(server, new) == []
    assert post(server, "track_lesion", new).status_code == 200
    for one in servers:
        assert SECRET not in one.log.read_text()
        assert "Traceback" not in one.log.read_text()
