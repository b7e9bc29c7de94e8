"""What a start knows of the studies without reading their histories: as long as the files are those that were read."""

from pathlib import Path

import pytest

from lesion_tracker.readers import present
from lesion_tracker.readers.history import History
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.study_records import StudyRecords
from lesion_tracker.records.lesion import Lesion

NAMES = ("a", "b", "c")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(present, "MANY", 2)
    store = MarkStore(tmp_path)
    for name in NAMES:
        store.mark(name, [Lesion("lesion_1", (1.0, 2.0, 3.0), 5.0)])
    assert store.in_use() == set(NAMES)
    return tmp_path


def read_by(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], list[str]]:
    """Return what a new start knows, and the studies of which it read the histories for that."""
    asked: list[str] = []
    read = StudyRecords.read
    monkeypatch.setattr(StudyRecords, "read", lambda self: (asked.append(self._study_id), read(self))[1])
    try:
        return MarkStore(folder).in_use(), sorted(asked)
    finally:
        monkeypatch.setattr(StudyRecords, "read", read)


def test_a_start_reads_only_what_has_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_by(folder, monkeypatch) == (set(NAMES), [])
    MarkStore(folder).delete(["b"], "lesion_1", "ann")
    assert read_by(folder, monkeypatch) == ({"a", "c"}, ["b"])


@pytest.mark.parametrize(
    "content", ["", "[]", '{"version": "0", "studies": {"z": [[null, null, null, null], ["lesions"]]}}', None]
)
def test_what_is_torn_gone_or_of_another_version_is_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    kept = folder / ".recent" / "present.json"
    kept.unlink()
    if content is not None:
        kept.write_text(content)
    assert read_by(folder, monkeypatch) == (set(NAMES), list(NAMES))
    assert read_by(folder, monkeypatch) == (set(NAMES), [])


def test_what_is_read_ahead_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = folder / "lesions" / "b.jsonl"
    history.write_text("{}\n" + history.read_text())
    store = MarkStore(folder)
    store.read_ahead()
    monkeypatch.setattr(History, "content", lambda self: pytest.fail(f"{self.name} is read again"))
    assert [len(store.lesions(name)) for name in ("a", "c")] == [1, 1]


def test_a_damaged_study_is_told_by_each_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = folder / "lesions" / "b.jsonl"
    history.write_text("{}\n" + history.read_text())
    for _ in range(2):
        store = MarkStore(folder)
        assert store.in_use() == {"a", "c"}
        assert list(store.damaged()) == ["b"]
        assert read_by(folder, monkeypatch)[1] == ["b"]


def test_a_folder_that_cannot_be_written_keeps_nothing_and_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(present, "MANY", 1)
    store = MarkStore(tmp_path)
    store.mark("a", [Lesion("lesion_1", (1.0, 2.0, 3.0), 5.0)])
    (tmp_path / ".recent").write_text("a file")
    assert store.in_use() == {"a"}
