"""A volume that was sent along is the study with the same voxels at the same places, or nobody's."""

from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.errors import InputError
from lesion_tracker.server.viewers.session_match import SessionMatch
from lesion_tracker.studies.study import Study
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume


def _volume(seed: int, origin: tuple[float, float, float] = (0.0, 0.0, 0.0), kind: type = np.int16) -> Volume:
    hu = np.random.default_rng(seed).integers(-1000, 500, (6, 7, 8)).astype(kind)
    return Volume(hu, Grid.from_parts((8, 7, 6), np.array([1.0, 2.0, 3.0]), np.array(origin), np.eye(3)))


@pytest.fixture
def studies(tmp_path: Path) -> tuple[SessionMatch, list[Study]]:
    volumes = {"a": _volume(1), "b": _volume(2), "b again": _volume(2), "c": _volume(3, (5.0, 0.0, 0.0))}
    found = []
    for name, patient in (("a", "ann"), ("b", "bob"), ("b again", "bob"), ("c", "cid")):
        (tmp_path / name).write_text(name)
        found.append(Study(name, tmp_path / name, patient, "20200101"))
    found.append(Study("gone", tmp_path / "gone", "dea", "20200101"))
    return SessionMatch(lambda path: volumes[path.name], lambda: found), found


def test_the_copy_is_found_also_as_float_and_with_a_rounded_header(studies: tuple[SessionMatch, list[Study]]) -> None:
    match, _ = studies
    assert match.find(_volume(1)).id == "a"
    assert match.find(_volume(1, (0.003, 0.0, 0.0), np.float32)).id == "a"
    assert match.find(_volume(3, (5.0, 0.0, 0.0))).id == "c"


def test_two_copies_of_one_patient_are_one_study(studies: tuple[SessionMatch, list[Study]]) -> None:
    match, _ = studies
    assert match.find(_volume(2)).id == "b"


@pytest.mark.parametrize("sent", [_volume(4), _volume(1, (1.0, 0.0, 0.0)), _volume(3)])
def test_other_voxels_or_another_place_are_nobodys(studies: tuple[SessionMatch, list[Study]], sent: Volume) -> None:
    match, _ = studies
    for _ in range(2):  # also when the hashes are known
        with pytest.raises(InputError, match="Next Sample"):
            match.find(sent)


def test_copies_of_two_patients_are_not_guessed(studies: tuple[SessionMatch, list[Study]]) -> None:
    match, known = studies
    known.append(Study("b again", known[2].path, "eve", "20200101"))
    with pytest.raises(InputError, match="same as several studies"):
        match.find(_volume(2))
