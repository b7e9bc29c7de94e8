"""A server without any study, and so without any correction: every request has a clear answer."""

import json
from collections.abc import Iterator

import pytest
import requests

from tests.server.conftest import ANSWER_S, Server, start_server, stop, wait_until_ready

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server of an empty folder."""
    folder = tmp_path_factory.mktemp("empty")
    (folder / "studies").mkdir()
    log = folder / "server.log"
    process, url = start_server(folder / "studies", log, {})
    try:
        wait_until_ready(process, url, log)
        yield Server(url, folder / "studies", process.pid, log)
    finally:
        stop(process)


def test_an_empty_store_never_crashes(empty: Server) -> None:
    sample = requests.post(f"{empty.url}/activelearning/next_study", json={}, timeout=ANSWER_S)
    assert (sample.status_code, "holds no study yet" in sample.json()["detail"]) == (404, True)
    assert requests.get(f"{empty.url}/datastore/?output=all", timeout=ANSWER_S).json()["objects"] == {}
    for model in ("mark_lesion", "track_lesion", "correct_lesion"):
        answer = empty.infer(model, "x", json.dumps({"lesion_1": [[1, 1, 1]]}))
        assert answer.status_code == 404
    assert "Traceback" not in empty.log.read_text()


@pytest.mark.parametrize("address", ["/train/", "/train/track_lesion"])
def test_training_without_corrections_is_refused_before_anything_is_queued(empty: Server, address: str) -> None:
    answer = requests.post(f"{empty.url}{address}", json={"track_lesion": {}}, timeout=ANSWER_S)
    assert (answer.status_code, "nothing was started" in answer.json()["detail"]) == (409, True)
    assert requests.get(f"{empty.url}/train/", timeout=ANSWER_S).status_code == 404
