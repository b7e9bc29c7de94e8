"""What was read of a file counts as long as the file is the same: two changes within a tick of the clock are told apart."""

import os
import time
from pathlib import Path

import pytest

from lesion_tracker.readers import history, one_step
from lesion_tracker.readers.history import History
from lesion_tracker.volumes.unchanged import TICK_S, stamp


def _age_s(path: Path) -> float:
    return (time.time_ns() - path.stat().st_mtime_ns) / 1e9


def test_a_file_that_changed_a_moment_ago_is_stamped_when_its_next_change_would_show(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(b"1")
    stamp(path)
    assert _age_s(path) >= TICK_S
    hour_s = 3600.0  # a clock of another machine: nothing is waited for
    os.utime(path, (time.time() + hour_s, time.time() + hour_s))
    before = time.monotonic()
    assert stamp(path) == stamp(path)
    assert time.monotonic() - before < TICK_S or _age_s(path) < 0


def test_nothing_is_written_within_the_tick_in_which_a_history_was_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size may then be as before, and what was read of it would count for other lines."""
    own, other = (History(tmp_path / name, tmp_path / "lock") for name in ("own.jsonl", "other.jsonl"))
    own.append([{"n": 1}])
    monkeypatch.setattr(other, "append", lambda _: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        one_step.append_all([(own, [{"n": 2}]), (other, [{"n": 2}])], tmp_path / "note")
    assert _age_s(own.path) >= TICK_S
    own.path.write_bytes(own.path.read_bytes() + b"torn")
    monkeypatch.setattr(history, "_write_whole", lambda *_: None)
    own.append([{"n": 3}])
    assert _age_s(own.path) >= TICK_S
