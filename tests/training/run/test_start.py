"""The start of a run: a useless study is named, a run without validation has to be asked for, Gaussians are said."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.errors import InputError
from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.training.prepared.prepare import measure_structure
from lesion_tracker.training.prepared.prepared_study import PreparedStudy
from lesion_tracker.training.prepared.writer import PreparedWriter
from lesion_tracker.training.run.settings import read_settings
from lesion_tracker.training.run.start import read_data
from lesion_tracker.volumes.volume import Volume
from tests.training.made import made_config, made_folder, made_study


def folder_with(place: Path, flat: str) -> Path:
    """Write three studies of which one is the same everywhere."""
    with PreparedWriter(place, {"registration_errors_mm": [[1.0, 2.0, -3.0]]}) as writer:
        for name, seed in (("first", 1), ("second", 2), ("held_out", 5)):
            study = made_study(name, seed, lesions=False)
            if name == flat:
                volume = Volume(np.full((40, 104, 104), 40, dtype=np.int16), study.volume.grid)
                study = replace(study, volume=volume, structure=measure_structure(volume.hu))
            writer.add(study)
    return place


@pytest.mark.parametrize(("flat", "key"), [("second", "data.studies"), ("held_out", "data.validation")])
def test_a_study_without_structure_is_named_before_the_first_step(tmp_path: Path, flat: str, key: str) -> None:
    config = made_config(tmp_path, folder_with(tmp_path / "data", flat))
    with pytest.raises(
        InputError, match=f"^{key}: no example can be drawn from '{flat}'.*no place in it has structure"
    ):
        read_data(read_settings(config))


def test_a_study_of_one_slice_is_named_with_its_size_and_the_crop(tmp_path: Path) -> None:
    small = Volume(np.zeros((2, 16, 16), dtype=np.int16), crop_grid(np.zeros(3), (16, 16, 2)))
    with PreparedWriter(tmp_path / "data", {}) as writer:
        writer.add(made_study("held_out"))
        writer.add(PreparedStudy("tiny", small, measure_structure(small.hu), np.zeros((0, 4))))
    with pytest.raises(InputError, match=r"'tiny' of \(16, 16, 2\) voxels.*smaller than the crops.*\(64, 64, 24\)"):
        read_data(read_settings(made_config(tmp_path, tmp_path / "data")))


def test_a_run_without_validation_is_refused_unless_its_settings_ask_for_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = made_folder(tmp_path / "data")
    nobody = 'validation = ["held_out"]=>'
    with pytest.raises(InputError, match=r"run\.validate_every is 0, but data\.validation names no study"):
        read_data(read_settings(made_config(tmp_path, folder, edit=nobody)))
    with caplog.at_level(logging.WARNING):
        found = read_data(read_settings(made_config(tmp_path, folder, edit=nobody, run="validate_every = 0")))
    assert found.validation == []
    assert [r.message for r in caplog.records] == [
        "data.validation names no study: there will be no validation figures"
    ]


def test_gaussians_instead_of_measured_errors_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = made_folder(tmp_path / "data")
    with caplog.at_level(logging.WARNING):
        read_data(read_settings(made_config(tmp_path, folder)))
    assert not caplog.records
    index = json.loads((folder / "prepared.json").read_text())
    index["registration_errors_mm"] = []
    (folder / "prepared.json").write_text(json.dumps(index))
    with caplog.at_level(logging.WARNING):
        read_data(read_settings(made_config(tmp_path, folder)))
    assert "holds no registration errors: Gaussians" in caplog.text
