"""Starting a server: a wrong setting stops it and is named; nothing is fetched from anywhere."""

from pathlib import Path

import pytest
import requests

from tests.server.conftest import ANSWER_S, Server, start_server, stop

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]


def test_an_unknown_setting_stops_the_server_and_is_named(tmp_path: Path) -> None:
    studies = tmp_path / "studies"
    studies.mkdir()
    log = tmp_path / "server.log"
    process, _ = start_server(studies, log, {"metod": "affine"})
    try:
        assert process.wait(ANSWER_S) != 0
    finally:
        stop(process)
    assert "unknown setting: --conf metod; known names: method" in log.read_text()


def test_the_server_logs_no_traceback(server: Server) -> None:
    requests.get(f"{server.url}/info/", timeout=ANSWER_S)
    assert "Traceback" not in server.log.read_text()
