"""Starting a server: a wrong setting stops it and is named; nothing is fetched from anywhere."""

import importlib
import re
import sys
from pathlib import Path

import pytest
import requests

from lesion_tracker.server.access.exposure import exposed_host
from lesion_tracker.server.local_server import start_command
from lesion_tracker.server.start import left_out
from tests.server.conftest import ANSWER_S, ROOT, Server, start_server, stop

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


def test_what_is_left_out_of_a_start_is_there_for_who_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)  # another test may have loaded it
    loaded = sys.modules["re"]
    with left_out(("colorsys", "re")):
        with pytest.raises(ImportError):
            importlib.import_module("colorsys")
        assert importlib.import_module("re") is loaded
    assert importlib.import_module("colorsys").rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)


def test_what_the_servers_page_and_make_serve_start_is_reached_from_this_machine_only() -> None:
    assert exposed_host(start_command("studies", 8000)) == ""
    named = re.findall(r"^    monailabel start_server .*", (ROOT / "docs" / "server.md").read_text(), re.MULTILINE)
    assert named
    assert [line for line in named if exposed_host(line.split())] == []


@pytest.mark.parametrize(
    ("words", "host"),
    [
        ("main.py start_server --app x --studies y", "0.0.0.0"),
        ("monailabel start_server -i 192.168.1.7 --port 8000", "192.168.1.7"),
        ("monailabel start_server --host=tracker.example", "tracker.example"),
        ("monailabel start_server --host", ""),
        ("monailabel start_server --host ::", "::"),
        ("monailabel start_server --host ::1", ""),
        ("monailabel start_server --host=127.0.0.1", ""),
        ("monailabel start_server -i localhost", ""),
        ("app -m train -r {}", ""),
    ],
)
def test_an_address_that_others_reach_is_named(words: str, host: str) -> None:
    assert exposed_host(words.split()) == host


def test_the_server_logs_no_traceback(server: Server) -> None:
    requests.get(f"{server.url}/info/", timeout=ANSWER_S)
    assert "Traceback" not in server.log.read_text()
