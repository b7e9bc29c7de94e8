"""What became of lesions: said, taken back, kept beside the marks, and the graph of a patient that follows from it."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.errors import Changed, FileFormatError, InputError, NotFound
from lesion_tracker.readers import fate_store
from lesion_tracker.readers.fate_store import FateStore
from lesion_tracker.readers.lesion_graph import LesionGraph, lesion_graph
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.size_store import SizeStore
from lesion_tracker.records.followed import Role, Seen, Traits
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.said import SaidFate, SaidTraits
from lesion_tracker.records.track import Track
from lesion_tracker.response.of_graph import Measured, response_of
from lesion_tracker.volumes.fingerprint import fingerprint_of
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

STUDIES = ("s0", "s1", "s2")
GRID = Grid.from_parts((2, 2, 2), np.ones(3), np.zeros(3), np.eye(3))
LONG_AGO = "2024-01-01T00:00:00.000+00:00"


@pytest.fixture
def marks(tmp_path: Path) -> MarkStore:
    """Three lesions in the first study; the first two are tracked into the others."""
    marks = MarkStore(tmp_path / "labels")
    marks.mark("s0", [_lesion(name) for name in ("a", "b", "c")])
    uids = {lesion.id: lesion.tracking_uid for lesion in marks.lesions("s0")}
    for study in ("s1", "s2"):
        marks.add_tracks(study, [_track(name, study, uids[name]) for name in ("a", "b")])
    return marks


@pytest.fixture
def fates(marks: MarkStore) -> FateStore:
    return FateStore(marks)


def _lesion(name: str) -> Lesion:
    return Lesion(name, (1.0, 2.0, 3.0), 6.0, marked_by="ann", marked_at="2024-01-01T00:00:00.000+00:00")


def _track(name: str, study: str, uid: str, state: str = "found") -> Track:
    point = (4.0, 5.0, 6.0)
    return Track(name, "s0", study, point, 6.0, 0.9, state, point, "affine", tracking_uid=uid, created_at="2024-01-02")


def _graph(marks: MarkStore, fates: FateStore) -> LesionGraph:
    return lesion_graph(
        STUDIES, {one: marks.records(one) for one in STUDIES}, {one: fates.of_study(one) for one in STUDIES}
    )


def test_a_word_of_a_reader_is_kept_with_who_when_and_the_uid(marks: MarkStore, fates: FateStore) -> None:
    fates.say("s1", SaidFate("a", "gone", said_by="ann"))
    said = FateStore(marks).of_study("s1").fates["a"]
    assert (said.fate, said.said_by, said.tracking_uid) == ("gone", "ann", marks.lesions("s0")[0].tracking_uid)
    assert said.said_at.endswith("+00:00")
    assert SaidFate.from_json(json.loads(json.dumps(said.to_json()))) == said


def test_the_last_word_counts_and_each_can_be_taken_back(fates: FateStore) -> None:
    fates.say("s1", SaidFate("a", "gone", said_by="ann"))
    fates.describe("s1", "a", Traits("target", "liver"), "ann")
    fates.say("s1", SaidFate("a", "too_small", said_by="bob"))
    assert fates.of_study("s1").fates["a"].fate == "too_small"
    with pytest.raises(Changed, match="bob's, not yours"):
        fates.undo("s1", "a", "ann")
    assert type(fates.undo("s1", "a", "bob")) is SaidFate
    taken = [fates.undo("s1", "a", "ann") for _ in range(2)]
    assert [type(one) for one in taken] == [SaidTraits, SaidFate]
    assert fates.of_study("s1").fates == {}
    assert fates.of_study("s1").traits == {}
    with pytest.raises(InputError, match="nothing to undo"):
        fates.undo("s1", "a", "ann")


def test_what_it_is_is_taken_back_alone_and_every_step_stays_in_the_history(fates: FateStore) -> None:
    fates.describe("s1", "a", Traits("target", "liver"), "ann")
    fates.say("s1", SaidFate("a", "merged", ("b",), said_by="bob"))
    fates.describe("s2", "a", Traits("non-target"), "bob")
    assert [(study, one.said_by) for study, one in fates.words_on(STUDIES, "a")] == [("s1", "ann"), ("s2", "bob")]
    with pytest.raises(Changed, match="ann's, not yours"):
        fates.undo("s1", "a", "bob", of="traits")
    assert fates.undo("s1", "a", "ann", of="traits").words == "target, liver"
    assert [one.words for one in fates.of_study("s1").steps["a"]] == [
        "ann said: target, liver",
        "bob said: merged (b)",
        "ann took back: target, liver",
    ]
    assert fates.of_study("s1").fates["a"].said_by == "bob"


def test_marks_of_earlier_versions_have_no_fates(marks: MarkStore, fates: FateStore) -> None:
    assert not (marks._folder / "fates").exists()
    graph = _graph(marks, fates)
    assert {name: lesion.traits for name, lesion in graph.lesions.items()} == dict.fromkeys("abc", Traits())
    assert graph.seen == {
        "s0": dict.fromkeys("abc", Seen()),
        "s1": dict.fromkeys("ab", Seen(confirmed=False)),
        "s2": dict.fromkeys("ab", Seen(confirmed=False)),
    }


def test_lines_of_an_earlier_schema_are_read_and_foreign_ones_are_named(marks: MarkStore, fates: FateStore) -> None:
    path = marks._folder / "fates" / "s1.jsonl"
    path.parent.mkdir()
    path.write_text('{"schema": 1, "fate": {"schema": 1, "lesion_id": "a", "fate": "gone"}}\n')
    assert fates.of_study("s1").fates["a"].fate == "gone"
    path.write_text(path.read_text() + '{"schema": 2, "lesion": {}}\n')
    with pytest.raises(FileFormatError, match=r"s1.jsonl, line 2: neither a fate"):
        fates.of_study("s1")
    path.write_text('{"schema": 2, "fate": {"schema": 9, "lesion_id": "a", "fate": "gone"}}\n')
    with pytest.raises(FileFormatError, match="schema 9"):
        fates.of_study("s1")


@pytest.mark.parametrize(
    "line",
    [
        {"action": "undo", "lesion_id": "a", "by": "x", "at": "", "of": ["fate"]},
        {"action": "undo", "lesion_id": ["a"], "by": "x", "at": ""},
        {"action": "undo", "lesion_id": "a", "by": {}, "at": 3},
        {"fate": {"schema": 1, "lesion_id": "a", "fate": "vanished"}},
        {"fate": {"schema": 9, "lesion_id": "a", "fate": "gone"}},
        {"traits": {"lesion_id": "a", "traits": ["target"]}},
        {"fate": None},
    ],
)
def test_a_line_that_cannot_be_is_named_with_its_file_and_what_to_do(
    marks: MarkStore, fates: FateStore, line: dict[str, object]
) -> None:
    fates.say("s1", SaidFate("a", "gone"))
    with (marks._folder / "fates" / "s1.jsonl").open("a") as file:
        file.write(json.dumps({"schema": 3, **line}) + "\n")
    with pytest.raises(FileFormatError, match=r"^fates/s1.jsonl, line 2: .*; restore it from a copy$"):
        fates.of_study("s1")


def test_a_fate_is_of_the_volume_that_it_was_said_on(marks: MarkStore, fates: FateStore) -> None:
    one, other = (fingerprint_of(Volume(np.full((2, 2, 2), hu, np.int16), GRID)) for hu in (0, 40))
    fates.say("s1", SaidFate("b", "gone", said_by="ann"))  # before any volume was known: of the first one
    marks.bind("s1", "first", one)
    fates.say("s1", SaidFate("a", "gone", said_by="ann"))
    fates.describe("s1", "a", Traits("target"), "ann")
    assert fates.left_behind("s1") == {}
    marks.bind("s1", "second", other)
    assert (fates.of_study("s1").fates, set(fates.of_study("s1").traits)) == ({}, {"a"})
    assert set(fates.left_behind("s1")) == {"a", "b"}
    with pytest.raises(InputError, match="nothing to undo"):
        fates.undo("s1", "a", "ann", of="fate")
    fates.say("s1", SaidFate("a", "too_small", tracking_uid="1.2", said_by="bob"))
    assert set(fates.left_behind("s1")) == {"b"}
    fates.undo("s1", "a", "bob", of="fate")
    marks.bind("s1", "first again", one)
    assert {name: said.fate for name, said in fates.of_study("s1").fates.items()} == {"a": "gone", "b": "gone"}
    fates.undo("s1", "a", "ann", of="fate")
    assert set(fates.of_study("s1").fates) == {"b"}


def test_nothing_is_said_of_a_study_that_was_removed_meanwhile(tmp_path: Path) -> None:
    there = {"s0"}
    marks = MarkStore(tmp_path / "labels", is_there=there.__contains__)
    marks.mark("s0", [_lesion("a")])
    there.clear()
    with pytest.raises(NotFound, match="was removed meanwhile: nothing was stored"):
        FateStore(marks).say("s0", SaidFate("a", "gone"))
    with pytest.raises(NotFound, match="was removed meanwhile: nothing was stored"):
        SizeStore(marks).add("s0", [])
    assert not (tmp_path / "labels" / "fates").exists()


def test_a_removed_study_takes_its_fates_along(marks: MarkStore, fates: FateStore) -> None:
    fates.say("s1", SaidFate("a", "gone"))
    marks.retire("s1")
    assert fates.of_study("s1").fates == {}
    assert len(list((marks._folder / "fates").iterdir())) == 1


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (SaidFate("nobody", "gone"), "there is no lesion 'nobody'"),
        (SaidFate("c", "gone"), "there is no lesion 'c' in study 's1'"),
        (SaidFate("a", "merged", ("c",)), "there is no lesion 'c' in study 's1'"),
        (SaidFate("b", "merged", ("a",)), "b into a into b: lesions cannot be merged in a ring"),
    ],
)
def test_what_the_study_does_not_have_is_refused(fates: FateStore, said: SaidFate, message: str) -> None:
    fates.say("s1", SaidFate("a", "merged", ("b",)))
    with pytest.raises(InputError, match=message):
        fates.say("s1", said)
    assert set(fates.of_study("s1").fates) == {"a"}


def test_a_lesion_that_was_never_looked_for_here_needs_its_uid(fates: FateStore) -> None:
    fates.say("s1", SaidFate("c", "not_assessed", tracking_uid="2.25.3"))
    assert fates.of_study("s1").fates["c"].tracking_uid == "2.25.3"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("a", "lost"), "fate must be one of"),
        (("a", "merged", ("a",)), "with itself"),
        (("a", "split", ("b",)), "several"),
    ],
)
def test_a_word_that_is_none_is_refused(values: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SaidFate(*values)  # type: ignore[arg-type]


def test_a_point_that_a_reader_sets_later_overrules_gone_and_not_too_small(marks: MarkStore, fates: FateStore) -> None:
    fates.say("s1", SaidFate("a", "gone"))
    fates.say("s1", SaidFate("b", "too_small"))
    assert _graph(marks, fates).seen["s1"] == {"a": Seen("gone"), "b": Seen("too_small")}
    marks.mark("s1", [replace(_lesion(name), center_mm=(9.0, 9.0, 9.0), marked_at=LONG_AGO) for name in "ab"])
    assert _graph(marks, fates).seen["s1"] == {"a": Seen(), "b": Seen("too_small")}  # whatever the clock said
    fates.say("s1", SaidFate("a", "gone", said_at=LONG_AGO))
    assert _graph(marks, fates).seen["s1"]["a"] == Seen("gone")


def test_where_lines_of_before_have_no_place_their_times_decide(marks: MarkStore, fates: FateStore) -> None:
    fates.say("s1", SaidFate("a", "gone"))
    path = marks.history("fates", "s1").path
    path.write_text(re.sub(r',\s*"after":\s*\d+', "", path.read_text()))
    assert "after" not in path.read_text()
    assert _graph(marks, fates).seen["s1"]["a"] == Seen("gone")
    marks.mark("s1", [replace(_lesion("a"), center_mm=(9.0, 9.0, 9.0), marked_at="2999-01-01T00:00:00.000+00:00")])
    assert _graph(marks, fates).seen["s1"]["a"] == Seen()


def test_a_lesion_outside_of_the_scan_was_not_assessed(marks: MarkStore, fates: FateStore) -> None:
    marks.add_tracks("s2", [_track("b", "s2", marks.lesions("s0")[1].tracking_uid, "outside")])
    assert _graph(marks, fates).seen["s2"]["b"] == Seen("not_assessed", confirmed=False)


def test_a_lesion_that_was_closed_without_a_point_was_not_assessed(marks: MarkStore, fates: FateStore) -> None:
    fates.say("s1", SaidFate("a", "too_small", said_at="2999-01-01T00:00:00.000+00:00"))
    for name in "abc":
        marks.close("s1", name, "not_evaluable", "ann")
    fates.say("s1", SaidFate("b", "gone", said_at=LONG_AGO))
    seen = _graph(marks, fates).seen
    assert seen["s1"] == {"a": Seen("not_assessed"), "b": Seen("gone"), "c": Seen("not_assessed")}
    assert "c" not in seen["s2"]


def test_merged_lesions_keep_id_and_uid_and_stay_merged(marks: MarkStore, fates: FateStore) -> None:
    before = _graph(marks, fates).lesions
    fates.say("s1", SaidFate("b", "merged", ("a",)))
    graph = _graph(marks, fates)
    assert graph.lesions == before
    assert len({lesion.tracking_uid for lesion in graph.lesions.values()}) == 3
    assert graph.seen["s1"]["b"] == Seen("merged", others=("a",))
    assert graph.seen["s2"]["b"] == Seen("merged", others=("a",), confirmed=False)
    assert (graph.merged_into("b"), graph.merged_into("a")) == ("a", "")
    fates.say("s2", SaidFate("b", "present"))
    assert _graph(marks, fates).seen["s2"]["b"] == Seen()


def test_parts_have_their_parent_its_traits_and_uids_of_their_own(marks: MarkStore, fates: FateStore) -> None:
    fates.describe("s0", "a", Traits("target", "liver"), "ann")
    marks.mark("s1", [replace(_lesion(name), id=name, label=name) for name in ("a1", "a2")])
    fates.say("s1", SaidFate("a", "split", ("a1", "a2"), said_by="ann"))
    graph = _graph(marks, fates)
    assert graph.children("a") == ("a1", "a2")
    assert (graph.lesions["a1"].parent, graph.lesions["a1"].traits) == ("a", Traits("target", "liver"))
    assert len({lesion.tracking_uid for lesion in graph.lesions.values()}) == 5
    with pytest.raises(InputError, match="'a1' is a part of 'a' already"):
        fates.say("s1", SaidFate("b", "split", ("a1", "a2")))
    fates.undo("s1", "a", "ann")
    assert _graph(marks, fates).children("a") == ()


def test_the_last_word_on_a_role_holds_in_all_studies_whatever_the_clock_says(
    marks: MarkStore, fates: FateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles: list[tuple[str, Role]] = [("s1", "target"), ("s0", "target"), ("s0", "non-target"), ("s1", "non-target")]
    last = None
    for day, (study, role) in enumerate(roles):
        monkeypatch.setattr(fate_store, "now", lambda day=day: f"2024-01-{20 - day}T00:00:00.000+00:00")
        last = fates.describe(study, "a", Traits(role, f"organ {day}"), "ann", last)
        assert _graph(marks, fates).lesions["a"].traits.organ == f"organ {day}"
        assert fates.words_on(STUDIES, "a")[-1][0] == study
    with pytest.raises(InputError, match="there is no lesion 'c' in study 's1'"):
        fates.describe("s1", "c", Traits("target"), "ann")


def test_from_marks_to_a_response(marks: MarkStore, fates: FateStore) -> None:
    for name in "ab":
        fates.describe("s0", name, Traits("target", "liver"), "ann")
    fates.describe("s0", "c", Traits("non-target", "bone"), "ann")
    fates.say("s1", SaidFate("b", "merged", ("a",)))
    for study in ("s1", "s2"):
        fates.say(study, SaidFate("c", "present", tracking_uid=marks.lesions("s0")[2].tracking_uid))
    measured = {
        "s0": Measured({"a": (30.0, 20.0), "b": (20.0, 15.0)}, "20240101", 1.0),
        "s1": Measured({"a": (33.0, 20.0), "b": (9.0, 9.0)}, "20240301", 1.0),
        "s2": Measured({"a": (41.0, 30.0)}, "20240501", 1.0),
    }
    found = response_of(_graph(marks, fates), measured)
    assert [(one.category, one.sum_mm) for one in found] == [("baseline", 50.0), ("PR", 33.0), ("PD", 41.0)]
    assert "no reader has looked at a, b in this study yet" in found[2].warnings
