"""One table of states: the review page, OHIF's panel and Slicer's module show its words and colours, and none of their own."""

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lesion_tracker.records.state import SHOWN, STATES, states_json
from lesion_tracker.report.crop import COLORS
from lesion_tracker.report.picture import STATE_COLORS
from lesion_tracker.server.review.pages import FOLDER
from tests.server.review.conftest import Page
from tests.server.review.conftest import page as page
from tests.test_import_order import PACKAGE

CLIENTS = PACKAGE.parent / "clients"
PANEL = (CLIENTS / "ohif" / "lesion-panel.js").read_text()


def test_the_table_is_complete_and_no_two_states_look_alike() -> None:
    assert {"found", "uncertain", "outside"} <= set(STATES)
    assert all(name == state.name and state.words and state.meaning.endswith(".") for name, state in SHOWN.items())
    assert all(re.fullmatch(r"#[0-9a-f]{6}", state.color) for state in SHOWN.values())
    assert len({state.color for state in SHOWN.values()}) == len(SHOWN)


def test_found_is_green_and_a_readers_point_is_blue() -> None:
    for name, strongest in (("found", 1), ("reader", 2), ("outside", 0)):
        assert max(range(3), key=lambda channel: COLORS[name][channel]) == strongest


def test_crops_and_pictures_have_the_colours_of_the_table() -> None:
    for colors, states in ((COLORS, SHOWN), (STATE_COLORS, STATES)):
        assert {name: "#{:02x}{:02x}{:02x}".format(*rgb) for name, rgb in colors.items()} == {
            name: state.color for name, state in states.items()
        }


def test_the_page_gets_its_colours_from_the_table(page: Page) -> None:
    html = page.http.get("/lesions/", params={"patient": "eve"}).text
    assert html.index("states.css") < html.index("review.css")
    answer = page.http.get("/lesions/states.css")
    assert answer.headers["content-type"].startswith("text/css")
    for name, state in SHOWN.items():
        assert f":root {{ --{name}: {state.color}; }}" in answer.text
        assert f".{name} {{ --state: {state.color}; }}" in answer.text
    own = "".join(path.read_text() for path in FOLDER.glob("*.*") if path.name != "states.css")
    assert not [state.color for state in SHOWN.values() if state.color in own]
    assert not [state.words for state in STATES.values() if " " in state.words and state.words in own]


def test_ohifs_panel_gets_them_with_its_configuration() -> None:
    from lesion_tracker.server.viewers.ohif_routes import ADDED

    (found,) = re.findall(r"window\.config\.lesionTracker = (.*);", ADDED)
    assert json.loads(found)["states"] == states_json()
    assert "states()[cell.color].color" in PANEL
    assert not re.findall(rf"\.point\.(?:{'|'.join(SHOWN)})\b", PANEL)


def _slicers_logic() -> ModuleType:
    folder = CLIENTS / "slicer" / "LesionTracker"
    sys.path.insert(0, str(folder))
    try:
        spec = importlib.util.spec_from_file_location("slicers_logic", folder / "LesionTrackerLib" / "logic.py")
        assert spec is not None
        assert spec.loader is not None
        logic = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(logic)
        return logic
    finally:
        sys.path.remove(str(folder))


@pytest.mark.parametrize("name", STATES)
def test_slicers_module_writes_the_words_that_the_server_sends(name: str) -> None:
    track: dict[str, Any] = {"lesion_id": "lesion_1", "state": name, "confidence": 0.5, "moved_mm": 1.0}
    assert _slicers_logic().table_row(track, states_json())[1] == STATES[name].words
    own = Path(CLIENTS / "slicer" / "LesionTracker" / "LesionTrackerLib" / "logic.py").read_text()
    assert f'"{STATES[name].words}"' not in own
