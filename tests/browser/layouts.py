"""`python -m tests.browser.layouts`: pages with 1, 12 and 60 lesions of the sample on three screens, for somebody to judge."""

import json
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path

from lesion_tracker.places import SAMPLE
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.settings import Settings
from tests.browser.test_review import drive, serving
from tests.server.review.conftest import STUDIES, ShiftingEngine, made_page

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have httpx's successor
    from fastapi.testclient import TestClient

SIZES = [[1280, 900, 0], [1920, 1080, 0], [820, 1180, 1]]
COLUMNS = 6
"""Of the lattice of places that fills the table, 20 mm apart round the heart: nobody calls them lesions."""


def main() -> int:
    """Draw into build/browser: layout-LESIONS-WIDTH.png is the grid, layout-LESIONS-large-WIDTH.png the large view."""
    for count in (1, 12, 60):
        with tempfile.TemporaryDirectory(prefix="lesion-tracker-layouts-") as name:
            _draw(Path(name), count)
    return 0


def _draw(folder: Path, count: int) -> None:
    """Draw a patient of three studies, all of them the sample's first, with something answered and something open."""
    for study in STUDIES:
        shutil.copy(next((SAMPLE / "studies").glob("*20000101.nii.gz")), folder / f"{study}.nii.gz")
    application, marks, _ = made_page(folder, ShiftingEngine(Settings(), folder / "cache", folder / "model"))
    (nodule,) = json.loads((SAMPLE / "lesions.json").read_text())["lesions"]
    places = [
        (20.0 * (n % COLUMNS - 3), 20.0 * (n // COLUMNS % 5) - 20.0, -60.0 - 20.0 * (n // 30)) for n in range(count)
    ]
    marks.mark(
        STUDIES[0],
        [
            Lesion(
                "lesion_1", tuple(nodule["center_mm"]), nodule["radius_mm"], "nodule of the left lower lobe, segment 9"
            ),
            *(Lesion(f"lesion_{n}", places[n - 1], 5.0) for n in range(2, count + 1)),
        ],
    )
    with TestClient(application) as http:
        for what, body in (("track", {}), ("measure", {"lesions": ["lesion_1"]})):
            job = http.post(f"/lesions/{what}", json={"patient": "eve", **body}).json()
            while job["state"] == "running":
                time.sleep(0.1)
                job = http.get(f"/lesions/track/{job['id']}").json()
    later = {track.lesion_id: track for track in marks.tracks(STUDIES[1])}
    marks.accept(STUDIES[1], [name for name in later if name.endswith(("2", "5"))], "dr a")
    if count > 1:
        marks.close(STUDIES[2], "lesion_3", "not_evaluable", "dr a")
    with serving(application) as url:
        drive(url, "layout", sizes=SIZES, name=f"layout-{count}")


if __name__ == "__main__":
    sys.exit(main())
