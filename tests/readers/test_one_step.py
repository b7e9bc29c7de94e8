"""Changes of several histories count whole or not at all, in the order in which they were written."""

import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest

from lesion_tracker.errors import Changed, FileFormatError, InputError, NotFound
from lesion_tracker.readers import history, mark_store
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.lesion import Lesion
from tests.readers.test_mark_store import LESION, TRACK


@pytest.fixture
def store(tmp_path: Path) -> MarkStore:
    store = MarkStore(tmp_path / "labels")
    for study in ("a", "b"):
        store.mark(study, [LESION])
    return store


def contents(store: MarkStore) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store._folder.glob("*/*.jsonl")}


def test_a_fault_in_the_second_study_leaves_the_first_as_it_was(
    store: MarkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(store)
    write, calls = history._write_whole, []

    def full(descriptor: int, data: bytes) -> None:
        calls.append(data)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(descriptor, data)

    monkeypatch.setattr(history, "_write_whole", full)
    with pytest.raises(OSError, match="No space"):
        store.delete(["a", "b"], "lesion_1", "ann")
    assert contents(store) == before
    assert store.lesions("a")


@pytest.mark.parametrize("torn", [b"", b'{"schema": 3, "place": 9, "les'])
def test_what_a_crash_left_half_done_is_taken_back_at_the_next_start(
    store: MarkStore, monkeypatch: pytest.MonkeyPatch, torn: bytes
) -> None:
    file = store._folder / "lesions" / "a.jsonl"
    whole = contents(store)
    file.write_bytes(whole["a.jsonl"] + torn)
    write, calls = history._write_whole, []

    def killed(descriptor: int, data: bytes) -> None:
        calls.append(data)
        if len(calls) == 2:
            raise KeyboardInterrupt
        write(descriptor, data)

    monkeypatch.setattr(history, "_write_whole", killed)
    monkeypatch.setattr("lesion_tracker.readers.one_step.take_back", lambda note: None)  # the process is gone
    with pytest.raises(KeyboardInterrupt):
        store.delete(["a", "b"], "lesion_1", "ann")
    assert contents(store)["a.jsonl"] != whole["a.jsonl"]
    monkeypatch.undo()
    again = MarkStore(store._folder)
    assert contents(again) == whole
    assert not (store._folder / ".step.json").exists()


def test_the_order_is_that_of_the_lines_and_no_clock_changes_it(
    store: MarkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = TRACK.with_changes(tracking_uid="")
    store.add_tracks("b", [track])
    moments = iter(f"2020-01-01T{hour:02}:00:00.000+00:00" for hour in range(23, 0, -1))  # the clock goes back
    monkeypatch.setattr(mark_store, "now", lambda: next(moments))
    (mark,) = store.mark("b", [replace(LESION, center_mm=(7.0, 7.0, 7.0))])
    assert mark.center_mm == (7.0, 7.0, 7.0)
    store.correct("b", [Correction(track, (5.0, 5.0, 5.0), "ann")])
    assert store.lesions("b")[0].center_mm == (5.0, 5.0, 5.0)
    store.mark("b", [replace(LESION, center_mm=(6.0, 6.0, 6.0))])
    assert store.lesions("b")[0].center_mm == (6.0, 6.0, 6.0)
    assert store.undo(["b"], "lesion_1", "reader") == ["mark"]
    assert store.lesions("b")[0].center_mm == (5.0, 5.0, 5.0)
    assert store.undo(["b"], "lesion_1", "ann") == ["corrected"]
    assert store.lesions("b")[0].center_mm == (7.0, 7.0, 7.0)


def test_only_who_did_the_last_step_takes_it_back(store: MarkStore) -> None:
    store.rename(["a", "b"], "lesion_1", "hilum", "bob")
    before = contents(store)
    with pytest.raises(Changed, match="bob's, not yours"):
        store.undo(["a", "b"], "lesion_1", "ann")
    assert contents(store) == before
    assert store.undo(["a", "b"], "lesion_1", "bob") == ["rename", "rename"]


def test_what_a_click_is_about_changes_with_each_step_and_comes_back_with_an_undo(store: MarkStore) -> None:
    seen = [store.records("a").seen("lesion_1")]
    store.rename(["a"], "lesion_1", "hilum", "bob")
    seen.append(store.records("a").seen("lesion_1"))
    store.add_tracks("a", [TRACK])
    seen.append(store.records("a").seen("lesion_1"))
    assert len(set(seen)) == 3
    store.undo(["a"], "lesion_1", "bob")
    store.rename(["a"], "lesion_1", "hilum", "bob")
    assert store.records("a").seen("lesion_1") not in seen


def test_a_study_that_was_removed_meanwhile_gets_no_history(tmp_path: Path) -> None:
    there = {"a"}
    store = MarkStore(tmp_path / "labels", lambda study: study in there)
    store.mark("a", [LESION])
    there.clear()
    store.retire("a")
    with pytest.raises(NotFound, match="nothing was stored"):
        store.mark("a", [LESION])
    assert not (store._folder / "lesions" / "a.jsonl").exists()


DAMAGES = {
    "torn": b'{"schema": 3, "lesion": {"id"\n',
    "utf-16": '{"schema": 3}\n'.encode("utf-16"),
    "latin-1": b'{"schema": 3, "by": "\xe9\xe8"}\n',
    "future": b'{"schema": 99, "lesion": {}}\n',
    "list": b"[1, 2]\n",
    "deep": b"[" * 100_000 + b"\n",
    "zeros": bytes(100) + b"\n",
    "nan": b'{"schema": 2, "lesion": {"schema": 1, "id": "x", "center_mm": [NaN, 0, 0], "radius_mm": 5}}\n',
    "huge": b'{"schema": 2, "lesion": {"schema": 1, "id": "x", "center_mm": [1e999, 0, 0], "radius_mm": 5}}\n',
    "place": b'{"schema": 3, "place": "x", "action": "delete", "lesion_id": "x", "by": "", "at": ""}\n',
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("tag", ["lesions", "tracks", "corrections"])
def test_a_damaged_file_is_named_and_stops_no_other_study(store: MarkStore, damage: str, tag: str) -> None:
    file = store._folder / tag / "a.jsonl"
    file.parent.mkdir(exist_ok=True)
    content = DAMAGES[damage] + (file.read_bytes() if file.exists() else b"")
    file.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.jsonl, line [12]: .*restore it from a copy"):
        store.records("a").read()
    assert store.studies("lesions") == {"b"}
    assert list(store.damaged()) == ["a"]
    for change in (
        lambda: store.mark("a", [replace(LESION, center_mm=(0.0, 0.0, 0.0))]),
        lambda: store.add_tracks("a", [TRACK]),
        lambda: store.correct("a", [Correction(TRACK, (5.0, 5.0, 5.0))]),
        lambda: store.delete(["b", "a"], "lesion_1", "ann"),
    ):
        with pytest.raises(FileFormatError, match=r"a\.jsonl"):
            change()
    assert file.read_bytes() == content
    assert store.mark("b", [replace(LESION, center_mm=(0.0, 0.0, 0.0))])


def test_a_folder_in_a_files_place_is_named(store: MarkStore) -> None:
    (store._folder / "tracks" / "a.jsonl").mkdir(parents=True)
    assert "a.jsonl cannot be read" in store.damaged()["a"]


def test_a_lesion_is_called_by_what_can_be_seen(store: MarkStore) -> None:
    (lesion,) = store.mark("c", [Lesion("e\u0301  x", (1.0, 2.0, 3.0), 5.0)])
    assert (lesion.id, lesion.label) == ("\u00e9 x", "\u00e9 x")
    for name in ("\u202egnp.exe", "a\tb\x00", "\ud800", "x" * 65):
        with pytest.raises(InputError, match="1 to 64 visible characters"):
            store.mark("c", [Lesion(name, (1.0, 2.0, 3.0), 5.0)])


def test_what_an_older_version_stored_under_an_odd_name_is_read(store: MarkStore) -> None:
    odd = Lesion("\u00b2", (1.0, 2.0, 3.0), 5.0)
    line = json.dumps({"schema": 2, "lesion": {**odd.to_json(), "id": "a\u202eb", "label": "\u00b2"}}) + "\n"
    (store._folder / "lesions" / "old.jsonl").write_text(line)
    assert [lesion.id for lesion in store.lesions("old")] == ["a\u202eb"]
    store.delete(["old"], "a\u202eb", "ann")
    assert store.lesions("old") == []
