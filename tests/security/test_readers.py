"""Two readers and odd data, through HTTP: nobody's step is taken back by another, and one bad file stops nobody else."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.server.conftest import Server, start_server, stop, wait_until_ready
from tests.server.phantom import ANN, write_patients

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server without accounts: readers type their names."""
    folder = tmp_path_factory.mktemp("shared")
    studies = folder / "studies"
    studies.mkdir()
    write_patients(studies)
    log = folder / "server.log"
    process, url = start_server(studies, log, {"method": "affine", "background": "false"})
    try:
        wait_until_ready(process, url, log)
        yield Server(url, studies, process.pid, log)
    finally:
        stop(process)


def post(server: Server, path: str, **body: Any) -> requests.Response:
    return requests.post(f"{server.url}/lesions/{path}", json=body, timeout=120)


def move(server: Server, lesion: str, reader: str, shift: float = 0.0) -> requests.Response:
    x, y, z = ANN.lesions_mm[0]
    place = [x + shift, y, z]
    return post(server, "move", study="ann__20200101", lesion=lesion, center_mm=place, reader=reader)


def test_a_name_of_odd_digits_breaks_no_page(shared: Server) -> None:
    assert move(shared, "\u00b2", "ann").status_code == 200
    for path in ("/lesions/?patient=ann", "/lesions/", "/lesions/table.csv?patient=ann", "/info/"):
        assert requests.get(shared.url + path, timeout=120).status_code == 200, path
    assert move(shared, "next", "ann").status_code == 200
    for odd in ("\u202egnp", "a\x00b", "x" * 65):
        refused = move(shared, odd, "ann")
        assert refused.status_code == 422
        assert "visible characters" in refused.text


def test_a_reader_takes_back_only_his_own_last_step(shared: Server) -> None:
    assert move(shared, "mine", "ann").status_code == 200
    assert move(shared, "mine", "bob", 3.0).status_code == 200
    undo = {"patient": "ann", "lesion": "mine", "studies": ["ann__20200101"]}
    refused = post(shared, "undo", **undo, reader="ann")
    assert (refused.status_code, "bob's, not yours" in refused.json()["detail"]) == (409, True)
    assert post(shared, "undo", **undo, reader="bob").status_code == 200
    assert post(shared, "undo", **undo, reader="ann").status_code == 200


def test_of_two_renames_to_one_name_one_wins(shared: Server) -> None:
    names = ("first", "second")
    for name in names:
        assert move(shared, name, "ann").status_code == 200
    codes: list[int] = []

    def rename(name: str) -> None:
        codes.append(post(shared, "rename", patient="ann", lesion=name, label="hilum", reader=name).status_code)

    threads = [threading.Thread(target=rename, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200, 422]


def test_a_damaged_file_is_named_and_everybody_else_goes_on(shared: Server) -> None:
    assert move(shared, "seen", "ann").status_code == 200
    history = shared.studies / "labels" / "lesions" / "ann__20200101.jsonl"
    whole = history.read_bytes()
    try:
        history.write_bytes(b'{"schema": 99}\n' + whole)
        assert requests.get(f"{shared.url}/info/", timeout=120).status_code == 200
        assert requests.post(f"{shared.url}/activelearning/next_study", json={}, timeout=120).status_code == 200
        assert requests.get(f"{shared.url}/lesions/?patient=bob", timeout=120).status_code == 200
        listed = requests.get(f"{shared.url}/lesions/", timeout=120)
        assert listed.status_code == 200
        assert "ann__20200101.jsonl, line 1" in listed.text
        own = requests.get(f"{shared.url}/lesions/?patient=ann", timeout=120)
        assert (own.status_code, "restore it from a copy" in own.text) == (422, True)
        assert move(shared, "seen", "ann", 2.0).status_code == 422
        assert "the others can: lesions/ann__20200101.jsonl" in shared.log.read_text()
        assert history.read_bytes() == b'{"schema": 99}\n' + whole
    finally:
        history.write_bytes(whole)
    assert requests.get(f"{shared.url}/lesions/?patient=ann", timeout=120).status_code == 200


def test_a_second_server_on_the_folder_does_not_start(shared: Server, tmp_path: Path) -> None:
    process, _ = start_server(shared.studies, tmp_path / "second.log", {"background": "false"})
    try:
        assert process.wait(300) != 0
    finally:
        stop(process)
    log = (tmp_path / "second.log").read_text()
    assert "the server does not start: another server serves" in log
    assert "Traceback" not in log
