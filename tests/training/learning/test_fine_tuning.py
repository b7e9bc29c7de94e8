"""Learning from corrections: what is learned from, that the right lesion gets nearer, and that wrong sets are kept back."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.constructed.validation_pairs import make_pairs
from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.network.weights import load_tracker, save_tracker
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.training.learning.fine_tuning import (
    MOVING,
    FineTuningSettings,
    _trainer,
    part_of_the_way,
    taught_examples,
)
from lesion_tracker.training.learning.learning import SHARES, Learning, Outcome, summary
from lesion_tracker.training.learning.publish import SHIPPED, ModelStore
from lesion_tracker.training.learning.taught import collect_taught
from lesion_tracker.training.learning.taught_pairs import around, prepare_taught
from lesion_tracker.training.learning.validation_inputs import ValidationPair, found_inputs, read_inputs, write_inputs
from lesion_tracker.training.prepared.prepared_pair import PairedLesion
from lesion_tracker.training.run.progress import ProgressFile, read_progress
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.resample import resample
from lesion_tracker.volumes.volume import Volume
from tests.training.made import made_volume
from tests.training.taught import (
    PLACES_MM,
    QUICK,
    SHIFT_MM,
    made_patients,
    patient_of,
    teach,
    tiny_tracker,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def right(_: int) -> np.ndarray:
    return np.zeros(3)


def shifted(number: int) -> np.ndarray:
    """Return an error of 15 mm, in another direction for each patient."""
    direction = np.random.default_rng(number).normal(size=3)
    return np.asarray(direction / np.linalg.norm(direction) * 15.0)


def made_marks(folder: Path, patients: int = 3, error: Callable[[int], np.ndarray] = right) -> MarkStore:
    marks = MarkStore(folder / "labels")
    teach(marks, patients, 3, error)
    return marks


def test_corrections_and_accepted_tracks_teach_and_undone_ones_are_not(tmp_path: Path) -> None:
    marks = made_marks(tmp_path, patients=2)
    taught, left_out = collect_taught(marks, patient_of)
    assert not left_out
    assert [lesion.verdict for lesion in taught] == ["corrected", "corrected", "accepted"] * 2
    first = taught[0]
    assert (first.patient, first.baseline, first.followup) == ("p0", "p0__20200101", "p0__20210101")
    np.testing.assert_allclose(first.baseline_mm, PLACES_MM[0])
    np.testing.assert_allclose(first.followup_mm, PLACES_MM[0] + SHIFT_MM)
    np.testing.assert_allclose(first.expected_mm, PLACES_MM[0] + SHIFT_MM + 3.0)
    marks.undo(["p0__20210101"], "lesion_0", "")
    assert len(collect_taught(marks, patient_of)[0]) == 5


def test_what_cannot_teach_is_named(tmp_path: Path) -> None:
    marks = made_marks(tmp_path, patients=2)
    marks.delete(["p0__20200101"], "lesion_0", "reader")
    taught, left_out = collect_taught(marks, {"p0__20200101": "p0", "p0__20210101": "p0"}.get)
    assert len(taught) == 2
    assert left_out[0] == "lesion_0 in 'p0__20210101': it is not marked in its baseline 'p0__20200101'"
    assert left_out[-1] == "lesion_2 in 'p1__20210101': its studies are not both there any more"


def test_the_part_round_a_point_lies_where_it_lay_in_any_orientation() -> None:
    hu = np.arange(40 * 30 * 20, dtype=np.int16).reshape(20, 30, 40)
    direction = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    grid = Grid.from_parts((40, 30, 20), np.array([1.0, 2.0, 3.0]), np.array([5.0, 6.0, 7.0]), direction)
    point = grid.lps_from_indices(np.array([[20.0, 15.0, 10.0]]))
    part = around(Volume(hu, grid), point, 6.0)
    assert part.grid.size == (13, 7, 5)
    assert part.hu[2, 3, 6] == hu[10, 15, 20]
    np.testing.assert_allclose(part.grid.lps_from_indices(np.array([[6.0, 3.0, 2.0]])), point)


def made_validation() -> list[ValidationPair]:
    """Return a pair of a study with itself and one lesion; at most two may be lost, so it keeps nothing back."""
    volume = made_volume(9, (64, 64, 32))
    place = np.array([24.0, 24.0, 30.0])
    lesion = PairedLesion("0", place, 6.0, place, 6.0, place)
    return [ValidationPair("made", volume, volume, (lesion,))]


def learning(
    place: Path, settings: FineTuningSettings = QUICK, validation: list[ValidationPair] | None = None
) -> Learning:
    store = ModelStore(place / "model")
    save_tracker(tiny_tracker().net, store.folder, {"name": "tiny"})
    return Learning(
        store,
        load_tracker(store.folder, "cpu"),
        SHIPPED,
        settings,
        made_validation() if validation is None else validation,
        place / "training",
        ProgressFile(place / "training" / "train_stats.json"),
    )


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Learning, Outcome]:
    """Let random weights learn from right corrections of three patients."""
    place = tmp_path_factory.mktemp("learned")
    taught, _ = collect_taught(made_marks(place), patient_of)
    torch.set_num_threads(1)
    run = learning(place, replace(QUICK, steps=160, learning_rate=4e-3, replay=0.3))
    return place, run, run.run(taught, made_patients(3).__getitem__)


@pytest.mark.long
def test_better_weights_are_published_with_a_card_that_names_parent_and_counts(
    learned: tuple[Path, Learning, Outcome],
) -> None:
    place, run, outcome = learned
    assert outcome.decision.publish, outcome.decision.reason
    assert run.store.published().version == outcome.version
    card = load_tracker(run.store.folder_of(outcome.version), "cpu").card
    assert card["parent"]["name"] == "tiny"
    assert card["parent"]["sha256"] == run.parent.sha256
    untouched = load_tracker(run.store.folder, "cpu").net.state_dict()
    assert all(torch.equal(untouched[name], value) for name, value in run.parent.net.state_dict().items())
    assert (card["tuned"]["corrections"], card["tuned"]["accepted_tracks"], card["tuned"]["patients"]) == (6, 3, 3)
    assert card["gate"]["tested_on"] == "3-fold cross-validation by patient"
    assert card["gate"]["lesions"] == 6
    assert "p0" not in str(card)
    figures = outcome.decision.figures
    assert figures["mean_error_after_mm"] < figures["mean_error_before_mm"]
    progress = read_progress(place / "training" / "train_stats.json")
    assert progress["epoch"] == progress["total_epochs"] == 160
    assert progress["total_time"] > 0
    assert outcome.version in progress["result"]
    assert not (place / "training" / "studies").exists()


@pytest.mark.long
def test_a_mislabelled_set_is_kept_back_and_the_answer_says_why(
    tmp_path: Path, learned: tuple[Path, Learning, Outcome]
) -> None:
    _, before, outcome = learned
    taught, _ = collect_taught(made_marks(tmp_path, error=shifted), patient_of)
    run = replace(
        before,
        parent=load_tracker(before.store.folder_of(outcome.version), "cpu"),
        parent_version=outcome.version,
        settings=replace(QUICK, steps=60, learning_rate=1e-3),
        folder=tmp_path / "training",
        progress=ProgressFile(tmp_path / "training" / "train_stats.json"),
    )
    kept = run.run(taught, made_patients(3).__getitem__)
    told = summary(kept)
    assert told["published"] is False
    assert "not surely better" in told["reason"] or "are the corrections on the right lesions?" in told["reason"]
    assert run.store.published().version == outcome.version
    assert "kept as a candidate" in read_progress(tmp_path / "training" / "train_stats.json")["result"]
    assert load_tracker(run.store.folder_of(kept.version), "cpu").name == "tiny + corrections 2"


def test_what_a_step_shows_is_drawn_by_its_shares(tmp_path: Path) -> None:
    taught = prepare_taught(
        collect_taught(made_marks(tmp_path), patient_of)[0], made_patients(3).__getitem__, tmp_path / "studies"
    )
    examples = taught_examples(taught, replace(QUICK, replay=0.2, constructed=0.5), 4.0)
    kinds = Counter(examples.kind(number) for number in range(2000))
    assert kinds["self_supervised"] / 2000 == pytest.approx(0.2, abs=0.03)  # 3 standard deviations
    assert kinds["constructed"] / 2000 == pytest.approx(0.5, abs=0.035)
    assert kinds["supervised"] == 2000 - kinds["self_supervised"] - kinds["constructed"]
    made = examples.kinds["constructed"].draw
    assert isinstance(made, partial)
    studies, _, settings = made.args
    assert settings.moving == MOVING
    names = {study.name for study in studies}
    assert names == {f"pair_{n}_{which}" for n in range(3) for which in ("baseline", "followup")}
    only_taught = taught_examples(taught, replace(QUICK, replay=0.0, constructed=0.0), 4.0)
    assert set(only_taught.kinds) == {"supervised"}


def test_scales_and_offsets_of_the_normalisations_move_by_their_factor(tmp_path: Path) -> None:
    parent = tiny_tracker()
    taught = prepare_taught(
        collect_taught(made_marks(tmp_path), patient_of)[0], made_patients(3).__getitem__, tmp_path / "studies"
    )
    settings = replace(QUICK, steps=1, learning_rate=1e-4, scale_factor=7.0)
    trainer = _trainer(parent, taught, settings, tmp_path / "run")
    trainer.run(lambda _: None)
    before, after = parent.net.state_dict(), trainer.net.state_dict()
    names = [name for name, _ in trainer.net.named_parameters()]
    moved = {name: float((after[name] - before[name]).abs().max()) for name in names}
    scales = {name: most for name, most in moved.items() if after[name].ndim <= 1}
    # Adam's first step moves every parameter that has a gradient by the learning rate.
    assert max(scales.values()) == pytest.approx(7e-4, rel=0.05)
    assert max(most for name, most in moved.items() if name not in scales) == pytest.approx(1e-4, rel=0.05)


def test_weights_part_of_the_way_lie_between_the_published_and_the_trained_ones() -> None:
    parent, trained = tiny_tracker(), tiny_tracker().net
    with torch.no_grad():
        for value in trained.parameters():
            value.add_(1.0)
    old, between = parent.net.state_dict(), part_of_the_way(parent, trained, 0.75).state_dict()
    assert all(torch.allclose(between[name], old[name] + 0.75) for name, _ in trained.named_parameters())
    untouched = part_of_the_way(parent, trained, 0.0).state_dict()
    assert all(torch.equal(untouched[name], value) for name, value in old.items())


def test_new_weights_go_only_as_far_as_the_validation_inputs_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = learning(tmp_path)
    found = iter([[True] * 10, [True] * 7 + [False] * 3, [True] * 8 + [False] * 2])  # before, the whole way, less
    monkeypatch.setattr("lesion_tracker.training.learning.learning.found_inputs", lambda *_: next(found))
    share, _, kept = run._as_far_as_it_keeps(tiny_tracker().net)
    assert share == SHARES[1]
    assert (kept.n, kept.before, kept.after) == (10, 10, 8)


def test_too_few_corrections_start_nothing(tmp_path: Path) -> None:
    taught, _ = collect_taught(made_marks(tmp_path, patients=1), patient_of)
    with pytest.raises(InputError, match=r"2 corrections of 1 patient and 1 accepted track: at least 4 .* of 2"):
        learning(tmp_path).run(taught, made_patients(1).__getitem__)
    assert not (tmp_path / "training").exists()


def test_a_run_whose_server_is_gone_publishes_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    taught, _ = collect_taught(made_marks(tmp_path, patients=2), patient_of)

    def gone() -> None:
        raise InputError("the server that started this training is gone")

    run = replace(learning(tmp_path), alive=gone)
    with pytest.raises(InputError, match="is gone"):
        run.run(taught, made_patients(2).__getitem__)
    assert run.store.published().version == SHIPPED
    assert [path.name for path in (tmp_path / "training").iterdir() if path.is_dir()] == []


def test_a_study_that_cannot_be_read_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    volumes = made_patients(2)
    taught, _ = collect_taught(made_marks(tmp_path, patients=2), patient_of)

    def read(study_id: str) -> Volume:
        if study_id.startswith("p0"):
            raise InputError("torn file")
        return volumes[study_id]

    with caplog.at_level(logging.WARNING):
        pairs = prepare_taught(taught, read, tmp_path / "studies")
    assert [pair.patient for pair in pairs] == ["p1"]
    assert "left out of training: torn file" in caplog.text


def test_a_lesion_on_the_last_slice_teaches_and_one_outside_is_left_out_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = made_patients(1)
    volumes = {}
    for name, made in whole.items():  # slices of 5 mm: the lattice of 2 mm ends before the centre of the last
        low, _ = made.grid.bounds_mm()
        grid = Grid.from_parts((72, 72, 12), np.array([1.2, 1.2, 5.0]), low, np.eye(3))
        volumes[name] = resample(made, grid)
    taught, _ = collect_taught(made_marks(tmp_path, patients=1), patient_of)
    last, outside, *others = taught
    top = {study: volume.grid.bounds_mm()[1][2] for study, volume in volumes.items()}
    moved = [
        replace(last, followup_mm=(*last.followup_mm[:2], top[last.followup] + 2.4)),
        replace(outside, followup_mm=(*outside.followup_mm[:2], top[outside.followup] + 2.6)),
        *others,
    ]
    with caplog.at_level(logging.WARNING):
        (pair,) = prepare_taught(moved, volumes.__getitem__, tmp_path / "studies")
    assert [lesion.id for lesion in pair.pair.lesions] == [one.lesion_id for one in (last, *others)]
    assert f"{outside.lesion_id} is left out of training" in caplog.text


@pytest.mark.long
def test_the_answer_says_how_many_taught_lesions_were_left_out(tmp_path: Path) -> None:
    first, *others = collect_taught(made_marks(tmp_path), patient_of)[0]
    moved = [replace(first, followup_mm=(900.0, 0.0, 0.0)), *others]
    outcome = learning(tmp_path, replace(QUICK, steps=16)).run(moved, made_patients(3).__getitem__)
    assert outcome.decision.reason.endswith("; 1 taught lesion left out: the log says why")


@pytest.mark.long
def test_validation_inputs_come_back_as_they_were_written(tmp_path: Path) -> None:
    volume = made_volume(4, (160, 160, 64))
    pairs = make_pairs("made", volume, 1, np.random.default_rng(3))
    assert write_inputs(pairs, tmp_path / "inputs.npz") < 6e6
    (back,) = read_inputs(tmp_path / "inputs.npz")
    assert back.followup.grid.equals(pairs[0].followup.grid)
    assert float(np.abs(back.followup.hu - pairs[0].followup.hu).max()) <= 8.0
    np.testing.assert_allclose(back.lesions[0].followup_mm, pairs[0].lesions[0].followup_mm)
    assert len(found_inputs(tiny_tracker(), read_inputs(tmp_path / "inputs.npz"))) == len(pairs[0].lesions)
    assert read_inputs(tmp_path / "none.npz") == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all"])
def test_torn_validation_inputs_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "inputs.npz").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"inputs\.npz holds no validation inputs"):
        read_inputs(tmp_path / "inputs.npz")


def test_a_taught_lesion_at_the_edge_of_its_study_is_prepared(tmp_path: Path) -> None:
    volume = Volume(made_volume(5).hu, crop_grid(np.zeros(3), (104, 104, 40)))
    part = around(volume, np.array([[0.0, 0.0, 0.0], [500.0, 0.0, 0.0]]), 10.0)
    assert part.grid.size == (14, 14, 6)
