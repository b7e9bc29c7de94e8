"""The review page in a real browser: keys, exact clicks in all planes, 1 and 201 lesions, nothing from elsewhere."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn

from lesion_tracker.records.lesion import Lesion
from lesion_tracker.report.planes import PLANES
from tests.browser.conftest import CHROMIUM, NODE, PLAYWRIGHT, SHOTS, needs_browser
from tests.server.conftest import free_port
from tests.server.review.conftest import STUDIES, Page, page

__all__ = ["page"]
pytestmark = [pytest.mark.browser, needs_browser]
WIDTH_MM = 120.0
PLACE_MM = 0.05
"""The page shows a position to a tenth of a mm."""


@pytest.fixture
def address(page: Page) -> Iterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(page.http.app, host="127.0.0.1", port=port, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 60
    while not server.started and time.monotonic() < end:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)


def drive(address: str, *, many: bool) -> dict[str, Any]:
    SHOTS.mkdir(parents=True, exist_ok=True)
    options = {"base": address, "shots": str(SHOTS), "study": STUDIES[1], "many": many}
    command = [str(NODE), str(Path(__file__).with_name("review.js")), json.dumps(options)]
    environment = {**os.environ, "CHROMIUM": str(CHROMIUM), "PLAYWRIGHT": str(PLAYWRIGHT), "NO_PROXY": "127.0.0.1"}
    run = subprocess.run(command, capture_output=True, text=True, timeout=400, env=environment, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout.splitlines()[-1])


def require_keys(keys: dict[str, Any]) -> None:
    """Check that each key of the large view moved the point by 1 mm or a slice of 4 mm along its own axis."""
    start = np.array(keys["start"])
    for key, moved in {
        "ArrowLeft": (-1, 0, 0), "ArrowRight": (1, 0, 0), "ArrowUp": (0, -1, 0), "ArrowDown": (0, 1, 0),
        "PageUp": (0, 0, 4), "PageDown": (0, 0, -4), "Escape": (0, 0, 0),
    }.items():  # fmt: skip
        np.testing.assert_allclose(np.array(keys[key]) - start, moved, atol=2 * PLACE_MM + 1e-6, err_msg=key)
    assert (keys["width"], keys["window"]) == ("90", "lung")


@pytest.mark.parametrize("lesions", [1, 201])
def test_a_reader_tracks_accepts_undoes_and_corrects(page: Page, address: str, lesions: int) -> None:
    many = [Lesion(f"node_{n}", (n % 20 - 10.0, n % 15 - 7.0, -160.0 + n % 20), 4.0) for n in range(lesions - 1)]
    page.marks.mark(STUDIES[0], many)
    seen = drive(address, many=lesions > 1)
    assert seen["errors"] == []
    assert seen["foreign"] == []
    assert f"{2 * lesions} points tracked in 2 studies" in seen["tracked"]
    assert "accepted" in seen["undone"]
    tracked = np.array([2.0, -1.0, -157.0])
    for plane in PLANES:
        click = seen["clicks"][plane.name]
        x, y = (np.array(click["at"]) - click["size"] / 2) * WIDTH_MM / click["size"]
        expected = tracked + x * np.array(plane.right) + y * np.array(plane.down)
        half_pixel = WIDTH_MM / click["size"] / 2
        np.testing.assert_allclose(click["mm"], expected, atol=half_pixel + PLACE_MM)
    answer = next(one for one in page.marks.corrections(STUDIES[1]) if one.track.lesion_id == "lesion_1")
    assert (answer.verdict, answer.corrected_by) == ("corrected", "dr browser")
    np.testing.assert_allclose(answer.center_mm, seen["clicks"]["sagittal"]["mm"], atol=PLACE_MM + 1e-6)
    require_keys(seen["keys"])
    assert "lesion=" in seen["next"]
    buttons = seen["buttons"]
    assert (buttons["label"], buttons["before"], buttons["without"], buttons["after"]) == (
        "hilum", lesions, lesions - 1, lesions,
    )  # fmt: skip
    for study in STUDIES[:2]:
        assert [lesion.label for lesion in page.marks.lesions(study) if lesion.id == "lesion_1"] == ["hilum"]
    if lesions > 1:
        assert seen["rows"] == lesions
        assert seen["focused"] == "node_29"
        assert seen["seconds"] < 60  # a bound on a busy machine
