"""Writers that are killed at random moments: nothing that they were told is stored is lost, doubled or torn."""

import multiprocessing
import random
import time
from collections import Counter
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from lesion_tracker.errors import Changed, InputError
from lesion_tracker.readers.fate_store import FateStore
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.study_histories import FATES_TAG, TAGS
from lesion_tracker.records.derived import accepted
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.said import SaidFate
from tests.readers.test_mark_store import LESION, TRACK

ONE, TWO = "ann__20200101", "ann__20200601"
WHERE = {"mark": (ONE,), "accept": (TWO,), "rename": (ONE, TWO), "fate": (ONE,)}
"""The studies in which each deed leaves a line."""

FORK = multiprocessing.get_context("fork")


def _write(folder: Path, name: str, acknowledged: Connection) -> None:
    """Do one thing after the other, each under a name of its own, and tell which of them were stored."""
    store, rng = MarkStore(folder), random.Random(name)
    fates = FateStore(store)
    for number in range(100_000):
        by, lesion = f"{name}_{number}", rng.choice(("lesion_1", "lesion_2"))
        point = (rng.random(), 2.0, 3.0)
        did = {
            "mark": lambda by=by, one=lesion, at=point: store.mark(ONE, [Lesion(one, at, 5.0, marked_by=by)]),
            "accept": lambda by=by: store.correct(TWO, [accepted(TRACK.with_changes(created_at=by), by)]),
            "rename": lambda by=by, one=lesion: store.rename([ONE, TWO], one, by, by),  # a line in either, or in none
            "fate": lambda by=by, one=lesion: fates.say(ONE, SaidFate(one, "gone", said_by=by)),
        }
        what = rng.choice(list(did))
        with suppress(InputError, Changed):
            did[what]()
            acknowledged.send((what, by))


def _kill_two(folder: Path, name: str, rng: random.Random) -> list[tuple[str, str]]:
    """Let two processes write beside each other on one folder, kill them, and return what was acknowledged."""
    told, ends, writers = [], [], []
    for number in range(2):
        mine, theirs = FORK.Pipe(duplex=False)
        writers.append(FORK.Process(target=_write, args=(folder, f"{name}_{number}", theirs), daemon=True))
        ends.append(mine)
        writers[-1].start()
        theirs.close()
    assert all(end.poll(60) for end in ends)
    for process, end in zip(writers, ends, strict=True):
        time.sleep(rng.uniform(0.0, 0.3))
        process.kill()
        process.join()
        with suppress(EOFError):
            while True:
                told.append(end.recv())
    return told


def _lines(store: MarkStore) -> Counter[tuple[str, str]]:
    """Return how often each name stands in the histories of each study; every line is read."""
    said: Counter[tuple[str, str]] = Counter()
    for study in (ONE, TWO):
        for tag in (*TAGS, FATES_TAG):
            for entry in store.history(tag, study).entries():
                record = next((entry[key] for key in ("lesion", "correction", "fate") if key in entry), entry)
                by = next(record[key] for key in ("marked_by", "corrected_by", "said_by", "by") if record.get(key))
                said[study, by] += 1
    return said


@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_nothing_acknowledged_is_lost_doubled_or_torn(tmp_path: Path, kills: int) -> None:
    folder, rng = tmp_path / "labels", random.Random(kills)
    store = MarkStore(folder)
    for study in (ONE, TWO):
        store.mark(study, [LESION, Lesion("lesion_2", (9.0, 9.0, 9.0), 5.0, marked_by="before")])
    told = [one for kill in range(kills // 2) for one in _kill_two(folder, f"w{kill}", rng)]
    after = MarkStore(folder)
    said = _lines(after)
    print(f"{kills} kills, {len(told)} acknowledged, {said.total()} lines")  # noqa: T201 - shown by pytest -s
    assert after.damaged() == {}
    assert {what for what, _ in told} == set(WHERE)
    assert [by for what, by in told for study in WHERE[what] if said[study, by] != 1] == []
    assert [key for key, number in said.items() if number != 1 and key[1].startswith("w")] == []
    renamed = {entry["by"] for one in (ONE, TWO) for entry in after.history("lesions", one).entries() if "by" in entry}
    assert [by for by in renamed if (said[ONE, by], said[TWO, by]) != (1, 1)] == []
