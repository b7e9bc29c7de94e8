"""The bundled, unmodified OHIF on the sample patient: mark, track and correct by clicks, measured on the screen."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from lesion_tracker.readers.patient_table import natural_order
from tests.browser.conftest import (
    AXE,
    SHOTS,
    Scenario,
    drawn_series_uid,
    drawn_study_uid,
    needs_browser,
    needs_orthanc,
)
from tests.pacs.orthanc import Orthanc
from tests.server.conftest import ANSWER_S, ROOT, Server
from tests.server.phantom import PATIENTS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.pacs,
    pytest.mark.server,
    needs_browser,
    needs_orthanc,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

ON_SCREEN_MM = 2.0
NEAR_MM = 45.0
"""How far round the true point the screen is searched: wider than the lesion's ball, and without messages of OHIF."""

CHANGED = 24
"""A pixel belongs to the ball if one of its colours changed by more than this of 255."""

MARK = json.loads((ROOT / "sample-data" / "lesions.json").read_text())["lesions"][0]
TRUTH = json.loads((ROOT / "sample-data" / "truth.json").read_text())["lesions"][0]
SECOND_MM = [-2.0, 104.0, -116.0]
"""A second place to mark in the baseline: a vertebra."""


def _ball_on_screen(before: str, after: str, view: dict[str, Any], near_mm: list[float]) -> np.ndarray:
    """Return the LPS point in the middle of what appeared near a point, in one viewport of two screenshots."""
    images = [np.asarray(Image.open(SHOTS / f"{name}.png").convert("RGB"), np.int16) for name in (before, after)]
    changed = np.abs(images[1] - images[0]).max(axis=2) > CHANGED
    box = view["box"]
    y, x = np.nonzero(changed)
    inside = (x >= box["x"]) & (x < box["x"] + box["width"]) & (y >= box["y"]) & (y < box["y"] + box["height"])
    u = (x[inside] + 0.5 - box["x"]) / box["width"]
    v = (y[inside] + 0.5 - box["y"]) / box["height"]
    origin, right, down = (np.array(view[name]) for name in ("origin", "right", "down"))
    points = origin + u[:, None] * (right - origin) + v[:, None] * (down - origin)
    near = points[np.linalg.norm(points - np.array(near_mm), axis=1) < NEAR_MM]
    assert len(near) > 50, "no ball appeared"
    return np.asarray((near.min(axis=0) + near.max(axis=0)) / 2.0)


def _series_of(orthanc: Orthanc, study_uid: str) -> str:
    found = requests.get(f"{orthanc.dicom_web}/studies/{study_uid}/series", timeout=ANSWER_S).json()
    return str(found[0]["0020000E"]["Value"][0])


def test_a_follow_up_that_is_opened_before_anything_is_marked_says_what_to_do(
    server: Server, studies: tuple[Orthanc, list[str]], scenario: Scenario
) -> None:
    orthanc, (baseline, followup) = studies
    seen = scenario("early", followup=followup)
    assert seen["track"]["status"] == 422
    assert "no earlier study with marked lesions" in seen["track"]["text"]
    assert "mark the lesions in the earlier study (mark_lesion)" in seen["track"]["text"]
    assert _series_of(orthanc, baseline) in seen["track"]["text"]
    assert "Failed to Run Segmentation" in seen["seen"]
    assert "refused with 422: no earlier study with marked lesions" in server.log.read_text()


def test_mark_track_and_correct(server: Server, studies: tuple[Orthanc, list[str]], scenario: Scenario) -> None:
    orthanc, (baseline, followup) = studies
    corrected = (np.array(TRUTH["center_mm"]) + np.array([4.0, 3.0, 0.0])).tolist()
    seen = scenario(
        "flow",
        baseline=baseline,
        followup=followup,
        marks={"lesion_1": MARK["center_mm"]},
        truth=TRUTH["center_mm"],
        corrected={"lesion_1": corrected},
    )
    assert [seen[step]["status"] for step in ("mark", "track", "correct")] == [200, 200, 200]
    axial = _ball_on_screen("2-before-tracking", "3-tracked", seen["axial"], TRUTH["center_mm"])
    coronal = _ball_on_screen("2-before-tracking", "3-tracked", seen["coronal"], TRUTH["center_mm"])
    on_screen = np.array([axial[0], axial[1], coronal[2]])
    # A ball on slices 5 mm apart begins and ends with a whole slice: its middle lies within half a slice of its centre.
    off = np.abs(on_screen - np.array(TRUTH["center_mm"]))
    assert np.linalg.norm(off[:2]) < ON_SCREEN_MM
    assert off[2] < ON_SCREEN_MM + 2.5
    (kept,) = (Path(server.studies) / "data").rglob(f"corrections/{_series_of(orthanc, followup)}.jsonl")
    record = json.loads(kept.read_text().splitlines()[-1])["correction"]
    assert np.abs(np.array(record["center_mm"]) - np.array(corrected)).max() <= 2.5 + 0.1  # a click is a voxel of 5 mm
    assert np.linalg.norm(np.array(record["track"]["center_mm"]) - np.array(TRUTH["center_mm"])) < ON_SCREEN_MM


def test_two_lesions(server: Server, studies: tuple[Orthanc, list[str]], scenario: Scenario) -> None:
    _, (baseline, followup) = studies
    seen = scenario(
        "flow",
        baseline=baseline,
        followup=followup,
        marks={"lesion_1": MARK["center_mm"], "lesion_2": SECOND_MM},
        truth=TRUTH["center_mm"],
        corrected={"lesion_2": TRUTH["center_mm"]},
        prefix="two-",
    )
    assert [seen[step]["status"] for step in ("mark", "track", "correct")] == [200, 200, 200]
    marked = json.loads(seen["mark"]["sent"])
    assert set(marked) >= {"lesion_1", "lesion_2"}
    assert seen["values"] == [0, 1, 12]  # OHIF numbers its segments in the order of their names: lesion_2 is the 12th


def test_the_lesions_panel(server: Server, studies: tuple[Orthanc, list[str]], scenario: Scenario) -> None:
    orthanc, (baseline, followup) = studies
    first, later = (_series_of(orthanc, uid) for uid in (baseline, followup))
    query = {"output": "json"}
    marks = json.dumps({"lesions": [{**MARK, "id": "lesion_9"}]})
    assert server.infer("mark_lesion", first, marks, **query).status_code == 200
    tracked = server.infer("track_lesion", later, json.dumps({"baseline_image": first}), **query)
    assert tracked.status_code == 200, tracked.text
    names = [track["lesion_id"] for track in tracked.json()["tracks"]]
    open_point = next(track for track in tracked.json()["tracks"] if track["lesion_id"] == "lesion_9")
    moved = (np.array(open_point["center_mm"]) + np.array([6.0, -4.0, 0.0])).tolist()
    place = {"point": MARK["center_mm"], "moved": moved, "series": later}
    seen = scenario("panel", followup=followup, lesion="lesion_9", axe=str(AXE) if AXE.is_file() else "", **place)
    assert [one for one in seen["barriers"] or () if one[0] in ("serious", "critical")] == []
    assert all(name in seen["before"] for name in names)
    assert "confidence" in seen["before"]
    assert " × " in seen["before"]  # both axes
    assert seen["names"] == sorted(seen["names"], key=natural_order)
    assert np.linalg.norm(np.array(seen["gone"]) - np.array(open_point["center_mm"])) < 0.1
    assert seen["marker"]["here"] == ["1", "1", "1"]
    assert np.linalg.norm(np.array(seen["marker"]["middle"]) - np.array(seen["gone"])) < 1.0
    assert f"{later} has changed since this page was loaded: dr other accepted it" in seen["refused"]
    assert "accepted by dr other" in seen["stands"]
    assert "accepted" in seen["accepted"]
    assert "done again" in seen["again"]
    assert "too small" in seen["unsaid"]
    assert "taken back" not in seen["said"]
    assert "too small" not in seen["open"]
    for there in (seen["shown"], seen["moved"]["middle"]):
        assert np.linalg.norm(np.array(there) - np.array(moved)) < 1.0
    assert seen["moved"]["color"] != seen["marker"]["color"]  # a reader's point now
    assert "lesion_9 corrected, 7." in seen["corrected"]  # mm from where it was tracked
    assert re.search(r"\b(1 point|\d+ points) tracked in 1 study\.", seen["tracked"])
    assert "marked" in seen["there"]
    (kept,) = (Path(server.studies) / "data").rglob(f"corrections/{later}.jsonl")
    record = [line["correction"] for line in map(json.loads, kept.read_text().splitlines()) if "correction" in line][-1]
    assert record["track"]["lesion_id"] == "lesion_9"
    assert record["corrected_by"] == "dr panel"
    assert np.linalg.norm(np.array(record["center_mm"]) - np.array(moved)) < 1.0  # a pixel of the screen


def test_another_series_of_the_study_shows_the_marks(server: Server, scenario: Scenario) -> None:
    seen = scenario(
        "series",
        study=drawn_study_uid(),
        series=drawn_series_uid("first"),
        other=drawn_series_uid("second"),
        marks={"lesion_1": list(PATIENTS[0].lesions_mm[0])},
    )
    assert [seen["mark"]["status"], seen["track"]["status"]] == [200, 200]
    assert drawn_series_uid("first") in seen["mark"]["url"]
    assert drawn_series_uid("second") in seen["track"]["url"]
