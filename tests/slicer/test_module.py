"""The scripted module: its logic on Slicer's own nodes against a real server, and its names of volumes."""

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from tests.server.clicks import expected_mm
from tests.server.conftest import ANSWER_S, ROOT, Server
from tests.server.phantom import ANN
from tests.server.test_clients import AFFINE_MM, SLICER_PYTHON, needs_slicer

MODULE = ROOT / "apps" / "lesion_tracker" / "clients" / "slicer" / "LesionTracker"
pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def logic_module() -> Any:
    sys.path.insert(0, str(MODULE))
    try:
        spec = importlib.util.spec_from_file_location("slicer_logic", MODULE / "LesionTrackerLib" / "logic.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(MODULE))


@pytest.mark.parametrize(
    ("name", "study_id"),
    [
        ("ct__20200101", "ct__20200101"),
        ("CT 3/5", "CT 3_5"),
        ("früh: “α”.nii.gz", "früh_ “α”"),
        ("..", "volume"),
        ("///", "_"),
        ("ü" * 200, "ü" * 75),
    ],
)
def test_a_volumes_name_becomes_an_id_that_can_be_a_file(logic_module: Any, name: str, study_id: str) -> None:
    assert logic_module.study_id_of(name) == study_id


def test_the_logic_knows_nothing_of_slicers_window() -> None:
    for path in (MODULE / "LesionTrackerLib").glob("*.py"):
        names = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert not names & {"slicer", "qt", "ctk", "vtk"}, path
        assert "requests" not in names or path.name == "server.py"  # Slicer ships it


class Answering:
    """A server whose tracks a reader has measured anew."""

    def __init__(self, sizes: dict[str, Any]) -> None:
        self.sizes = sizes

    def infer(self, model: str, study_id: str, params: dict[str, Any]) -> dict[str, Any]:
        ends = {"long_ends_mm": [[0, 0, 5], [9, 0, 5]], "short_ends_mm": [[4, -2, 5], [4, 2, 5]]}
        sizes = {"long_axis_mm": 9.0, "short_axis_mm": 4.0, "earlier_long_axis_mm": 8.0, "check_size": "pale"}
        track = {"lesion_id": "lesion_1", "followup_study": "later", "center_mm": [4, 0, 5], **ends, **sizes}
        return {"tracks": [track], "states": {}, "warnings": [], "sizes": self.sizes}


class Points:
    """One control point, of a list in Slicer."""

    PositionDefined = 2
    ends: list[Any]

    def __getattr__(self, name: str) -> Any:
        said = {"GetNumberOfControlPoints": 1, "GetNthControlPointPositionStatus": 2, "GetNthControlPointID": "1"}
        return lambda *given: said.get(name, "")

    def AddControlPointWorld(self, point: Any) -> None:
        self.ends.append(point)


def test_axes_that_a_reader_drew_stand_in_the_table_and_in_the_lines(logic_module: Any) -> None:
    drawn = {"long_ends_mm": [[1, 2, 5], [13, 2, 5]], "short_ends_mm": [[7, 0, 5], [7, 6, 5]]}
    own = {"long_axis_mm": 12.0, "short_axis_mm": 6.0, **drawn, "check_size": "", "size_by": "dr b"}
    logic = logic_module.LesionTrackerLogic(Answering({"lesion_1": own}), None)
    (track,) = logic.track("early", "later", Points())
    assert logic_module.diameters_of(track) == "12.0 × 6.0 mm (+4.0), by dr b"
    lines = {}

    def line(name: str) -> Points:
        lines[name] = Points()
        lines[name].ends = []
        return lines[name]

    logic_module.show_axes([track], line, lambda *ras: ras)
    assert {name: one.ends for name, one in lines.items()} == {
        "lesion_1 long axis": [(-1, -2, 5), (-13, -2, 5)],  # RAS
        "lesion_1 short axis": [(-7, 0, 5), (-7, -6, 5)],
    }
    logic.correct(0, Points())
    assert logic_module.diameters_of(logic.tracks[0]) == "12.0 × 6.0 mm (+4.0), by dr b"  # they hold there, too
    logic.server.sizes = {}
    logic.correct(0, Points())
    assert logic_module.diameters_of(logic.tracks[0]) == "not measured"


def run_probe(server: Server, *log_in: str) -> dict[str, Any]:
    """Drive the module's logic on Slicer's own nodes."""
    files = [str(server.studies / f"ann__{date}.nii.gz") for date in ("20200101", "20210101")]
    probe = Path(__file__).with_name("module_probe.py")
    command = [str(SLICER_PYTHON), str(probe), str(MODULE), server.url, *files, json.dumps(ANN.lesions_mm)]
    command += log_in
    run = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    return dict(json.loads(run.stdout.splitlines()[-2]))


@needs_slicer
def test_the_module_marks_tracks_accepts_and_corrects_on_slicers_own_nodes(server: Server) -> None:
    found = run_probe(server)
    assert found["ids"] == ["Thorax 5_3 ä_ früh", "Thorax _spät_ _2_"]
    assert found["again"] == found["ids"][0]
    np.testing.assert_allclose([lesion["center_mm"] for lesion in found["marked"]], ANN.lesions_mm, atol=1e-3)
    tracked = np.array([track["center_mm"] for track in found["tracks"]])
    np.testing.assert_allclose(tracked, expected_mm("ann"), atol=AFFINE_MM)
    np.testing.assert_allclose(found["shown_lps"], tracked, atol=1e-3)
    np.testing.assert_allclose(found["jumped"], tracked[::-1], atol=1e-3)
    axes = [(track, name) for track in found["tracks"] for name in ("long", "short")]
    assert len(found["lines"]) == 4
    for (track, name), (title, ends), length in zip(axes, found["lines"], found["lengths"], strict=True):
        assert title == f"{track['label']} {name} axis"
        np.testing.assert_allclose(ends, track[f"{name}_ends_mm"], atol=1e-3)
        assert length == pytest.approx(track[f"{name}_axis_mm"], abs=0.01)
    for track, words in zip(found["tracks"], found["diameters"], strict=True):
        change = track["long_axis_mm"] - track["earlier_long_axis_mm"]
        assert words.startswith(f"{track['long_axis_mm']:.1f} × {track['short_axis_mm']:.1f} mm ({change:+.1f})")
    assert len(found["left_lines"]) == 2  # the other lesion's point was dragged: its axes were measured elsewhere
    assert found["rows"][1][2] == "not measured"
    assert found["nowhere"] == [False, False, False]
    assert [row[1] for row in found["rows"]] == ["accepted by a reader", "corrected by a reader"]
    assert "another volume is called" in found["same_name"]
    assert "is the server running" in found["stopped"]
    assert found["left"] == [found["marked"][1]["id"]]
    table = requests.get(f"{server.url}/lesions/table.csv", params={"patient": "slicer patient"}, timeout=ANSWER_S).text
    assert ",accepted," in table
    assert ",corrected," in table
    assert "dr probe" in table
