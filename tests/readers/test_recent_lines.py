"""The last lines of a long history say what the whole says, and only they are read again."""

import json
import random
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lesion_tracker.errors import Changed, FileFormatError, InputError
from lesion_tracker.readers import recent_lines, record_cache
from lesion_tracker.readers.history import History
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.steps import steps_of
from lesion_tracker.readers.study_histories import TAGS
from lesion_tracker.records.derived import accepted
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.volumes.fingerprint import Fingerprint

NAMES = ("b", "a", "c")
STUDY = "s"
STEPS = 80


def _volume(number: int) -> Fingerprint:
    """Return one of two volumes: what is saved anew under a stamp is the first one again where the number is even."""
    return Fingerprint(f"{number % 2}" * 64, (4, 4, 4), (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0))


def _step(store: MarkStore, rng: random.Random) -> None:
    """Do one of all things that are done to lesions; what is refused was nothing."""
    name, by, on = rng.choice(NAMES), rng.choice(("ann", "bob")), rng.choice(("", "v0", "v1", "v2"))
    place = (rng.random(), 2.0, 3.0)
    track = Track(name, "base", STUDY, place, 6.0, 0.8, "found", place, "affine", created_at=str(rng.random()))
    did: dict[str, Any] = {
        "mark": lambda: store.mark(STUDY, [Lesion(name, place, 6.0, marked_by=by)], on),
        "undo": lambda: store.undo([STUDY], name, by),
        "rename": lambda: store.rename([STUDY], name, f"{name} {rng.randrange(9)}", by),
        "delete": lambda: store.delete([STUDY], name, by),
        "restore": lambda: store.restore([STUDY], name, by),
        "close": lambda: store.close(STUDY, name, "not_evaluable", by),
        "track": lambda: store.add_tracks(STUDY, [track], on),
        "fail": lambda: store.add_failures(STUDY, [name], "dark"),
        "answer": lambda: store.correct(STUDY, [accepted(one, by) for one in store.tracks(STUDY)[:1]], on),
        "bind": lambda: store.bind(STUDY, f"v{(n := rng.randrange(3))}", _volume(n)),
    }
    what = rng.choice(("mark", "mark", "undo", "undo", "undo", "track", "answer", *did))
    with suppress(InputError, Changed):
        did[what]()


def _all_of(store: MarkStore) -> list[object]:
    records = store.records(STUDY)
    ids = sorted({*NAMES, *records.lesion_ids()})
    of_each = [(records.seen(one), records.last_action(one), records.label(one), records.stamp_of(one)) for one in ids]
    lists = [records.lesions(), records.tracks(), records.corrections(), records.deleted(), records.failures()]
    return [*lists, list(records.closed()), store.left_behind(STUDY), records.is_unbound(), of_each]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("restarts", [False, True])
def test_a_shortened_history_says_what_the_whole_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, restarts: bool
) -> None:
    rng, short = random.Random(seed), MarkStore(tmp_path)
    whole_reads, enough = 0, 0
    entries = History.entries

    def counted(history: History) -> list[dict[str, Any]]:
        nonlocal whole_reads
        whole_reads += history.path.parent.name != "volumes"
        return entries(history)

    for step in range(STEPS):
        before = whole_reads
        with monkeypatch.context() as patched:
            patched.setattr(record_cache, "WRITTEN_BYTES", 0)
            patched.setattr(recent_lines, "MOST_LINES", 0)
            patched.setattr(recent_lines, "LINES_OF_A_LESION", 5)
            patched.setattr(History, "entries", counted)
            short = MarkStore(tmp_path) if restarts else short
            _step(short, rng)
            said = _all_of(short)
        enough += step > 20 and whole_reads == before
        if step % 5 == 0:  # a history this short is read whole
            assert said == _all_of(MarkStore(tmp_path)), f"step {step}"
    assert enough > 5, "the last lines are hardly ever enough"
    if restarts:
        assert list((tmp_path / record_cache.SHORT).rglob("*.jsonl"))


def _long(folder: Path, lines: int) -> Path:
    """Write a history of one lesion that was marked again and again."""
    MarkStore(folder).mark(STUDY, [Lesion("a", (1.0, 2.0, 3.0), 6.0, marked_by="ann")], "v0")
    path = folder / "lesions" / f"{STUDY}.jsonl"
    path.write_bytes(path.read_bytes() * lines)
    return path


@pytest.fixture
def lines_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the numbers of the lines that are read, as they are."""
    read: list[str] = []
    entry = History.entry

    def counted(history: History, number: str, line: bytes) -> dict[str, Any]:
        read.append(number)
        return entry(history, number, line)

    monkeypatch.setattr(History, "entry", counted)
    monkeypatch.setattr(record_cache, "WRITTEN_BYTES", 100)
    monkeypatch.setattr(recent_lines, "MOST_LINES", 200)
    return read


def test_a_long_history_is_read_once_and_not_again_after_a_mark_or_a_restart(
    tmp_path: Path, lines_read: list[str]
) -> None:
    _long(tmp_path, 300)
    store = MarkStore(tmp_path)
    assert len(store.lesions(STUDY)) == 1
    assert len(lines_read) > 300
    lines_read.clear()
    store.mark(STUDY, [Lesion("a", (1.0, 2.0, 4.0), 6.0, marked_by="ann")], "v0")
    (after,) = MarkStore(tmp_path).lesions(STUDY)
    assert after.center_mm == (1.0, 2.0, 4.0)
    assert len(lines_read) < 50


def test_a_history_that_was_changed_by_hand_is_read_anew(tmp_path: Path, lines_read: list[str]) -> None:
    path = _long(tmp_path, 300)
    store = MarkStore(tmp_path)
    (lesion,) = store.lesions(STUDY)
    path.write_bytes(path.read_bytes().replace(b"[1.0, 2.0, 3.0]", b"[1.5, 2.0, 3.0]"))
    for one in (store, MarkStore(tmp_path)):
        assert one.lesions(STUDY) == [replace(lesion, center_mm=(1.5, 2.0, 3.0))]
    path.write_bytes(b'{"schema": 99}\n' + path.read_bytes())
    for one in (store, MarkStore(tmp_path)):
        with pytest.raises(FileFormatError, match=r"s.jsonl, line 1: not an entry"):
            one.lesions(STUDY)


@pytest.mark.parametrize("torn", ["", "{}", '{"schema": 1}', "[1", "half"])
def test_what_was_kept_of_a_history_may_be_lost(tmp_path: Path, lines_read: list[str], torn: str) -> None:
    _long(tmp_path, 300)
    known = MarkStore(tmp_path).lesions(STUDY)
    (kept,) = (tmp_path / record_cache.SHORT).rglob("*.jsonl")
    text = kept.read_text()
    kept.write_text(text[: len(text) // 2] if torn == "half" else torn)
    assert MarkStore(tmp_path).lesions(STUDY) == known
    assert json.loads(kept.read_text())["count"] == 300


def test_the_steps_of_a_lesion_are_those_among_all_lines(tmp_path: Path) -> None:
    store, rng = MarkStore(tmp_path), random.Random(5)
    for _ in range(STEPS):
        _step(store, rng)
    records = store.records(STUDY)
    lines = {tag: records._whole(place) for place, tag in enumerate(TAGS)}
    assert all(records.steps(name) == steps_of(name, lines, records._holds) for name in (*NAMES, "aa"))
    assert sum(len(records.steps(name)) for name in NAMES) > 20
