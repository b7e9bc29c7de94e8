"""The append-only history: nothing is lost, and a crash costs at most the line that was being written."""

import json
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lesion_tracker.errors import FileFormatError
from lesion_tracker.readers.history import History


def _history(folder: Path) -> History:
    return History(folder / "lesions" / "study.jsonl", folder / ".lock")


def _write_many(folder: str, writer: int, count: int) -> None:
    for number in range(count):
        _history(Path(folder)).append([{"writer": writer, "number": number}])


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    history = _history(tmp_path)
    assert history.entries() == []
    history.append([{"n": 1}, {"n": 2}])
    history.append([{"n": 3}])
    assert history.entries() == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert json.loads(history.path.read_text().splitlines()[0]) == {"schema": 3, "n": 1}


@pytest.mark.parametrize("torn", [b'{"schema": 1, "n"', b'{"schema": 1, "n": 9}', b"\x00\x00\x00"])
def test_a_torn_last_line_is_left_out_and_cut_off_by_the_next_writer(tmp_path: Path, torn: bytes) -> None:
    history = _history(tmp_path)
    history.append([{"n": 1}])
    with history.path.open("ab") as file:
        file.write(torn)
    assert history.entries() == [{"n": 1}]
    history.append([{"n": 2}])
    assert history.entries() == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("damage", [b'"n": ,', rb'"n": "\ud800"', b'"n": "\xed\xa0\x80"', b'"n": "\xe9"'])
def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path, damage: bytes) -> None:
    history = _history(tmp_path)
    history.append([{"n": 1}, {"n": 2}])
    history.path.write_bytes(history.path.read_bytes().replace(b'"n": 1', damage))
    with pytest.raises(FileFormatError, match=r"study.jsonl, line 1: damaged"):
        history.entries()


def test_another_schema_is_refused(tmp_path: Path) -> None:
    history = _history(tmp_path)
    history.path.parent.mkdir()
    history.path.write_text('{"schema": 4, "n": 1}\n')
    with pytest.raises(FileFormatError, match="schema 1 to 3"):
        history.entries()


@pytest.mark.parametrize(("value", "reason"), [(float("nan"), "JSON compliant"), ("\ud800", "surrogates not allowed")])
def test_what_could_not_be_read_again_writes_nothing(tmp_path: Path, value: object, reason: str) -> None:
    history = _history(tmp_path)
    with pytest.raises(ValueError, match=reason):
        history.append([{"n": 1}, {"n": value}])
    history.append([{"n": "\U0001f600"}])  # two halves are a letter
    assert history.entries() == [{"n": "\U0001f600"}]


def test_threads_and_processes_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_many, args=(str(tmp_path), writer, 20)) for writer in (1, 2)]
    for process in processes:
        process.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda writer: _write_many(str(tmp_path), writer, 20), [10, 11, 12, 13]))
    for process in processes:
        process.join()
        assert process.exitcode == 0
    entries = _history(tmp_path).entries()
    assert len(entries) == 6 * 20
    for writer in (1, 2, 10, 11, 12, 13):
        assert [e["number"] for e in entries if e["writer"] == writer] == list(range(20))
