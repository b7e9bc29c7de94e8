"""A server without any study: every request has a clear answer."""

import json
from pathlib import Path

import pytest
import requests

from tests.server.conftest import ANSWER_S, start_server, stop, wait_until_ready

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]


def test_an_empty_store_never_crashes(tmp_path: Path) -> None:
    studies = tmp_path / "studies"
    studies.mkdir()
    log = tmp_path / "server.log"
    process, url = start_server(studies, log, {})
    try:
        wait_until_ready(process, url, log)
        sample = requests.post(f"{url}/activelearning/next_study", json={}, timeout=ANSWER_S)
        assert (sample.status_code, "holds no study yet" in sample.json()["detail"]) == (404, True)
        assert requests.get(f"{url}/datastore/?output=all", timeout=ANSWER_S).json()["objects"] == {}
        for model in ("mark_lesion", "track_lesion", "correct_lesion"):
            params = {"params": json.dumps({"lesion_1": [[1, 1, 1]]})}
            answer = requests.post(f"{url}/infer/{model}", params={"image": "x"}, data=params, timeout=ANSWER_S)
            assert answer.status_code == 404
    finally:
        stop(process)
    assert "Traceback" not in log.read_text()
