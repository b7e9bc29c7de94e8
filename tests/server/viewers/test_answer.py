"""Which file each client gets, and params that are plain JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lesion_tracker.errors import InputError
from lesion_tracker.records.derived import shown_mark
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.server.viewers.answer import (
    AnswerForm,
    answer_form,
    answer_params,
    plain_json,
    write_answer,
)
from lesion_tracker.volumes.grid import Grid

GRID = Grid.from_parts((20, 20, 20), np.ones(3), np.zeros(3), np.eye(3))
LESION = Lesion("lesion_3", (10.0, 10.0, 10.0), 3.0, study_id="s", tracking_uid="2.25.1")


@pytest.mark.parametrize(
    ("request_", "form"),
    [
        ({"client_id": "user-xyz", "result_extension": ".nrrd"}, AnswerForm("markups")),
        ({}, AnswerForm("markups")),
        ({"restore_label_idx": False, "output": "image"}, AnswerForm("label_map")),
        ({"restore_label_idx": False, "result_compress": False}, AnswerForm("label_map")),
        (
            {"output": "image", "result_extension": ".nii.gz", "result_compress": True},
            AnswerForm("label_map", ".nii.gz", True),
        ),
        ({"output": "json", "client_id": "a"}, AnswerForm("none")),
    ],
)
def test_who_asks_decides(request_: dict[str, Any], form: AnswerForm) -> None:
    assert answer_form(request_) == form


@pytest.mark.parametrize("request_", [{"output": "dicom_seg"}, {"output": "image", "result_extension": ".stl"}])
def test_what_cannot_be_written_is_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        answer_form(request_)


def test_markups_hold_the_point() -> None:
    path = write_answer(AnswerForm("markups"), [shown_mark(LESION)], GRID)
    assert path is not None
    (point,) = json.loads(path.read_text())["markups"][0]["controlPoints"]
    path.unlink()
    assert (point["label"], point["position"]) == ("lesion_3", [10.0, 10.0, 10.0])
    assert path.suffix == ".json"


def test_a_label_map_has_the_labels_number_and_leaves_out_other_lesions() -> None:
    other = Lesion("node", (5.0, 5.0, 5.0), 3.0, study_id="s")
    path = write_answer(AnswerForm("label_map"), [shown_mark(LESION), shown_mark(other)], GRID)
    assert path is not None
    header, data = path.read_bytes().split(b"\n\n", 1)
    path.unlink()
    assert b"encoding: raw" in header
    assert set(data) == {0, 3}
    assert len(data) == 20**3


def test_no_file_where_none_is_asked_for() -> None:
    assert write_answer(AnswerForm("none"), [], GRID) is None


def test_params_name_what_was_left_out() -> None:
    other = shown_mark(Lesion("lesion_21", (5.0, 5.0, 5.0), 3.0, study_id="s"))
    params = answer_params([shown_mark(LESION), other], seconds={"total": 1.0})
    assert params["label_names"] == {"lesion_3": 3}
    assert params["left_out"] == ["lesion_21"]
    assert "lesion_21" in params["warnings"][0]
    assert params["seconds"] == {"total": 1.0}


def test_plain_json_has_no_numpy_and_no_nan() -> None:
    value = {"a": np.float64(1.5), "b": (np.int64(2), float("nan")), "c": np.inf, Path("d"): [np.bool_(True)]}
    assert plain_json(value) == {"a": 1.5, "b": [2, None], "c": None, "d": [True]}
    json.dumps(plain_json(value), allow_nan=False)
