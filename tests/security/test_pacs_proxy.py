"""What a reader reaches of a real PACS through the server's own log-in: studies to look at, and nothing else."""

import http.client
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from lesion_tracker.server.studies.pacs_routes import THREADS
from lesion_tracker.volumes.dicom_writer import uid_of
from tests.pacs.orthanc import Orthanc, drawn_series, needs_orthanc
from tests.pacs.small import small_volume
from tests.security.hostile_pacs import SLOW_S, HostilePacs
from tests.server.conftest import Server
from tests.server.locked_server import bearer, locked_server

pytestmark = [
    pytest.mark.pacs,
    pytest.mark.server,
    needs_orthanc,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

SECRET = "a secret of the PACS"
SLICES = 3
ANSWER_S = 60


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Return a PACS that wants a log-in, with one series."""
    folder = tmp_path_factory.mktemp("guarded-orthanc")
    running = Orthanc(folder, {"server": SECRET})
    running.start()
    try:
        _, files = drawn_series(folder, small_volume(SLICES), patient="p", study="s", series="x", date="20200101")
        running.send(files)
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def hostile(orthanc: Orthanc) -> Iterator[HostilePacs]:
    """Return the stand-in before it."""
    with HostilePacs(orthanc.url).running() as pacs:
        yield pacs


@pytest.fixture(scope="module")
def server(hostile: HostilePacs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server with accounts that knows the log-in."""
    folder = tmp_path_factory.mktemp("server-before-pacs")
    conf = {"method": "affine", "background": "false", "data_dir": str(folder / "data"), "pacs_series_mb": "4"}
    more = {
        "MONAI_LABEL_DICOMWEB_CACHE_PATH": str(folder / "cache"),
        "MONAI_LABEL_DICOMWEB_USERNAME": "server",
        "MONAI_LABEL_DICOMWEB_PASSWORD": SECRET,
    }
    with locked_server(folder, hostile.dicom_web, conf, more) as running:
        yield running


@pytest.fixture(scope="module")
def ann(server: Server) -> dict[str, str]:
    """Return the headers of a reader."""
    return bearer(server, "ann")


def _raw(server: Server, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, bytes, Any]:
    """Send a request as it is written: no client takes dots out of it."""
    with closing(http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=ANSWER_S)) as line:
        line.putrequest(method, path, skip_accept_encoding=True)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            line.putheader(name, value)
        line.endheaders(body)
        with line.getresponse() as answer:
            return answer.status, answer.read(), answer.headers


def _in_the_pacs(orthanc: Orthanc) -> dict[str, Any]:
    url = f"{orthanc.url}/statistics"
    return dict(requests.get(url, auth=("server", SECRET), timeout=ANSWER_S).json())


UIDS = f"studies/{uid_of('tests', 's')}/series/{uid_of('tests', 's', 'x')}"
AWAY = (
    *(
        "../system",
        "%2e%2e/system",
        "studies/%2e%2e/%2e%2e/system",
        "studies/..%2f..%2fsystem",
        "studies%3f/../../system",
    ),
    *(
        "studies/%252e%252e/%252e%252e/system",
        "studies/%25252e%25252e/%25252e%25252e/system",
        "studies/%5c..%5c..%5csystem",
    ),
    *(
        "studies/%EF%BC%8E%EF%BC%8E/system",
        "studies/1.2/../../../system",
        "studies//../../system",
        "studies/.%00./system",
    ),
    *("studies%0d%0aX-Evil:%201", "studies%23frag", "studies?a=b%0d%0aX-Evil:%201", "studies?%2e%2e=1", "studies;x=1"),
    *("statistics", "tools/execute-script", "instances/0-0-0/file", "studies/1.2/archive", "studies/x", "studies/1.2/"),
    *("studies/" + "1" * 65, "studies/1..2", "studies/.1.2", "studies/1.2.", "studies/%D9%A1.2", "/127.0.0.1:1/x"),
    *(
        "@127.0.0.1:1/x",
        "http://127.0.0.1:1/x",
        f"{UIDS}/metadata/../../../../../../system",
        f"{UIDS}/bulkdata/../../x",
    ),
    *(
        f"{UIDS}/instances/1.2/frames/1;2",
        f"{UIDS}/instances/1.2/frames/-1",
        f"{UIDS}/reject/1",
        "studies/*",
        "studies/a%2a",
    ),
)
"""Addresses below a service that lead, or could lead, away from what viewers read."""

ONE_SEGMENT = (
    "system",
    "%2e%2e",
    "..%2fsystem",
    "stow/studies",
    "changes",
    "../../system",
    "@127.0.0.1:1/x",
    "wado",
    "qido",
)


@pytest.mark.parametrize("service", ["qido", "wado"])
def test_no_address_leads_away_from_what_viewers_read(
    server: Server, hostile: HostilePacs, ann: dict[str, str], service: str
) -> None:
    with hostile.being("well"):
        for path in AWAY:
            address = f"/proxy/dicom/{service}/{path}"
            status, body, _ = _raw(server, "GET", address, ann)
            assert status in (400, 404, 422), (path, status, body[:200])
            assert hostile.reached == [], path


def test_there_are_no_other_services(server: Server, hostile: HostilePacs, ann: dict[str, str]) -> None:
    with hostile.being("well"):
        for path in ONE_SEGMENT:
            status, body, _ = _raw(server, "GET", f"/proxy/dicom/{path}", ann)
            assert status in (403, 404), (path, status, body[:200])
        assert hostile.reached == []


@pytest.mark.parametrize("who", ["ann", "boss"])
def test_nothing_is_written_through_it(
    server: Server, hostile: HostilePacs, orthanc: Orthanc, tmp_path: Path, who: str
) -> None:
    before, headers = _in_the_pacs(orthanc), bearer(server, who)
    assert before["CountInstances"] == SLICES
    _, (forged, *_) = drawn_series(tmp_path, small_volume(2), patient="q", study="forged", series="x", date="20200101")
    with hostile.being("well"):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            for path in ("stow/studies", "wado/studies", "qido/studies", f"wado/{UIDS}", "qido/%2e%2e/instances", "x"):
                kind = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=B'}
                status, body, _ = _raw(server, method, f"/proxy/dicom/{path}", headers | kind, forged.read_bytes())
                assert status in (403, 404, 405), (method, path, status, body[:200])
        assert hostile.reached == []
    assert _in_the_pacs(orthanc) == before


READ = {
    "studies?limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060": "application/dicom+json",
    "studies?PatientName=*p*": "application/dicom+json",
    f"{UIDS.partition('/series')[0]}/series?includefield=0008103E": "application/dicom+json",
    f"{UIDS}/instances": "application/dicom+json",
    f"{UIDS}/metadata": "application/dicom+json",
    f"{UIDS.replace('.', '%2e', 3)}/metadata": "application/dicom+json",
    UIDS: 'multipart/related; type="application/dicom"',
}


@pytest.mark.parametrize("service", ["qido", "wado"])
@pytest.mark.parametrize("path", READ)
def test_what_viewers_read_arrives(
    server: Server, hostile: HostilePacs, ann: dict[str, str], service: str, path: str
) -> None:
    with hostile.being("well"):
        cookies = {"Cookie": "lesion_tracker=of-a-reader", "X-Forwarded-For": "1.2.3.4", "Referer": server.url}
        asked = {**ann, **cookies, "Accept": READ[path]}
        status, body, headers = _raw(server, "GET", f"/proxy/dicom/{service}/{path}", asked)
        assert status == 200, body[:300]
        assert body
        assert headers["Content-Type"].startswith(READ[path].partition(";")[0])
        ((method, address, sent),) = hostile.reached
    assert (method, urlsplit(address).path.startswith("/dicom-web/studies")) == ("GET", True)
    assert not {name.lower() for name in sent} & {"cookie", "referer", "x-forwarded-for"}
    assert ann["Authorization"] not in sent.values()
    assert "Set-Cookie" not in headers
    assert "X-Secret" not in headers
    assert "no-store" in headers["Cache-Control"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]


def test_a_frame_and_a_picture_arrive(server: Server, hostile: HostilePacs, ann: dict[str, str]) -> None:
    found = requests.get(f"{server.url}/proxy/dicom/qido/{UIDS}/instances", headers=ann, timeout=ANSWER_S).json()
    instance = found[0]["00080018"]["Value"][0]
    for part, kind in (("frames/1", "multipart/related"), ("rendered", "image/")):
        url = f"{server.url}/proxy/dicom/wado/{UIDS}/instances/{instance}/{part}"
        accept = "image/png" if part == "rendered" else 'multipart/related; type="application/octet-stream"'
        answer = requests.get(url, headers={**ann, "Accept": accept}, timeout=ANSWER_S)
        assert answer.status_code == 200, answer.text[:300]
        assert answer.headers["Content-Type"].startswith(kind)
        assert len(answer.content) > 100


def test_nobody_reads_without_a_log_in(server: Server, hostile: HostilePacs) -> None:
    with hostile.being("well"):
        assert _raw(server, "GET", "/proxy/dicom/qido/studies", {})[0] == 401
        assert hostile.reached == []


def test_a_pacs_that_points_elsewhere_is_not_followed(
    server: Server, hostile: HostilePacs, ann: dict[str, str]
) -> None:
    with hostile.being("points elsewhere"):
        status, body, _ = _raw(server, "GET", "/proxy/dicom/qido/studies", ann)
        assert status == 502
        assert b"points to another address" in body
        image = server.infer("track_lesion", "1.2.3", "{}", output="json")
        assert image.status_code in (401, 502)
        answer = requests.post(
            f"{server.url}/infer/track_lesion",
            params={"image": "1.2.3", "output": "json"},
            headers=ann,
            timeout=ANSWER_S,
        )
        assert answer.status_code == 502, answer.text
    assert hostile.elsewhere == []


@pytest.mark.parametrize("mood", ["sends a page", "sends a picture that runs"])
def test_what_could_run_in_a_browser_is_not_passed_on(
    server: Server, hostile: HostilePacs, ann: dict[str, str], mood: Any
) -> None:
    with hostile.being(mood):
        status, body, headers = _raw(server, "GET", "/proxy/dicom/qido/studies", ann)
    assert status == 502
    assert b"<script" not in body
    assert headers["Content-Type"] == "application/json"


def test_an_answer_that_is_too_large_is_refused_or_cut(
    server: Server, hostile: HostilePacs, ann: dict[str, str]
) -> None:
    with hostile.being("promises far too much"):
        status, body, _ = _raw(server, "GET", f"/proxy/dicom/wado/{UIDS}/metadata", ann)
    assert status == 502
    assert b"sends more than the 4 MiB that are accepted" in body
    with hostile.being("sends without end"), pytest.raises(http.client.IncompleteRead) as cut:
        _raw(server, "GET", f"/proxy/dicom/wado/{UIDS}/metadata", ann)
    assert len(cut.value.partial) <= 4 << 20


def test_a_slow_pacs_holds_up_nobody_else(server: Server, hostile: HostilePacs, ann: dict[str, str]) -> None:
    took: list[float] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for path in ("/auth/", "/models/"):  # one in the event loop, one in the threads that all routes share
                begun = time.monotonic()
                assert requests.get(f"{server.url}{path}", headers=ann, timeout=ANSWER_S).status_code == 200
                took.append(time.monotonic() - begun)
            time.sleep(0.1)

    with hostile.being("is slow"), ThreadPoolExecutor(4 * THREADS) as readers:
        waiting = [
            readers.submit(_raw, server, "GET", "/proxy/dicom/qido/studies?limit=1", ann) for _ in range(4 * THREADS)
        ]
        with ThreadPoolExecutor(1) as watcher:
            watched = watcher.submit(watch)
            time.sleep(SLOW_S)
            done.set()
            watched.result()
        hostile.mood = "well"
        assert [one.result()[0] for one in waiting] == [200] * len(waiting)
    assert len(took) > 4
    assert max(took) < SLOW_S / 2
    assert median(took) < 1.0


def test_the_log_holds_no_secret(server: Server) -> None:
    assert SECRET not in server.log.read_text()
