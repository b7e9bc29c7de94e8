"""Several clients at once: nothing is mixed up, memory stays, and the server keeps answering while it computes."""

import itertools
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import requests

from tests.server.clicks import expected_mm
from tests.server.conftest import ANSWER_S, Server, start_server, stop, wait_until_ready
from tests.server.phantom import SHIFTS_MM, write_patients

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]

DAYS = ("20200101", "20210101")

TOLERANCE_MM = 7.0
"""Click rounding plus what affine registration may miss; the patients' lesions lie at least 20 mm apart."""


def _track(server: Server, patient: str) -> tuple[str, list[str], np.ndarray]:
    answer = server.infer("track_lesion", f"{patient}__20210101", json.dumps({"client_id": patient}))
    assert answer.status_code == 200, answer.text
    text = answer.text
    params = json.loads(text[text.index("{") : text.index("}\r\n") + 1])
    tracks = params["tracks"]
    return params["baseline_image"], [t["lesion_id"] for t in tracks], np.array([t["center_mm"] for t in tracks])


def _round(server: Server) -> None:
    patients = sorted(SHIFTS_MM) * 5
    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(lambda patient: _track(server, patient), patients))
    assert len(answers) == 20
    for patient, (baseline, names, centers) in zip(patients, answers, strict=True):
        assert baseline == f"{patient}__20200101"
        assert names == ["lesion_1", "lesion_2"]
        np.testing.assert_allclose(centers, expected_mm(patient), atol=TOLERANCE_MM)


def _memory_mib(server: Server) -> float:
    process = psutil.Process(server.pid)
    family = [process, *process.children(recursive=True)]
    return sum(member.memory_info().rss for member in family) / 2**20


def test_twenty_requests_of_four_clients_are_all_right_and_memory_stays(
    server: Server, marked: Callable[[str], None]
) -> None:
    for patient in SHIFTS_MM:
        marked(patient)
    _round(server)
    first = _memory_mib(server)
    _round(server)
    assert _memory_mib(server) <= 1.10 * first


def test_info_answers_while_tracks_are_computed(tmp_path: Path) -> None:
    """Registrations of fresh pairs, one after the other for at least 10 s, on a server that has none cached."""
    studies = tmp_path / "studies"
    studies.mkdir()
    write_patients(studies)
    log = tmp_path / "server.log"
    process, url = start_server(studies, log, {"method": "deformable", "background": "false"})
    try:
        wait_until_ready(process, url, log)
        server = Server(url, studies, process.pid, log)
        lesions = [{"id": "lesion_1", "center_mm": [-58.0, -20.0, -316.0], "radius_mm": 8.0}]

        pairs = [(patient, *days) for patient in SHIFTS_MM for days in (DAYS, DAYS[::-1])]

        def compute() -> list[int]:
            statuses: list[int] = []
            end = time.monotonic() + 10.0
            for patient, before, after in itertools.cycle(pairs):
                params = {"baseline_image": f"{patient}__{before}", "lesions": lesions}
                statuses.append(server.infer("track_lesion", f"{patient}__{after}", json.dumps(params)).status_code)
                if time.monotonic() > end:
                    return statuses
            return statuses

        waits = []
        with ThreadPoolExecutor(1) as pool:
            statuses = pool.submit(compute)
            while not statuses.done():
                start = time.perf_counter()
                assert requests.get(f"{url}/info/", timeout=ANSWER_S).status_code == 200
                waits.append(time.perf_counter() - start)
                time.sleep(0.1)
            assert set(statuses.result()) == {200}
        assert len(waits) >= 20
        assert statistics.median(waits) <= 0.3
        assert max(waits) <= 1.0
    finally:
        stop(process)
