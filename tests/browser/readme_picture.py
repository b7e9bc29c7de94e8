"""`python -m tests.browser.readme_picture`: makes the pictures of the review page in docs/ anew, of the sample patient."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

from lesion_tracker.places import SAMPLE
from lesion_tracker.server.local_server import running_server
from tests.browser.conftest import CHROMIUM, NODE, PLAYWRIGHT

ROOT = Path(__file__).parents[2]
PATIENT, BASELINE, FOLLOWUP = "LIDC-IDRI-0001", "LIDC-IDRI-0001__20000101", "LIDC-IDRI-0001__20000401__constructed"
LANDMARKS_MM = ((88, 38, -96), (24, 60, -84), (-64, 48, -100), (-90, 20, -128), (40, 20, -70), (-30, 70, -150),
                (70, 60, -60), (-70, 80, -80), (100, 70, -140), (-40, 30, -60), (60, 100, -90))  # fmt: skip
"""Further points in the lungs of the sample, beside its lesion: nobody calls them lesions, they fill the table."""

PATIENCE_S = 900


def main() -> int:
    """Serve the sample data, mark its lesion and the landmarks, and let Chromium track them and draw the pages."""
    if not (CHROMIUM and NODE and PLAYWRIGHT.is_dir()):
        sys.stderr.write("node, Chromium or playwright-core is not installed (apt-get install chromium nodejs npm)\n")
        return 2
    marks = json.loads((SAMPLE / "lesions.json").read_text())["lesions"]
    marks += [
        {"id": f"lesion_{n}", "center_mm": place, "radius_mm": 5.0} for n, place in enumerate(LANDMARKS_MM, start=2)
    ]
    with tempfile.TemporaryDirectory(prefix="lesion-tracker-picture-") as name:
        studies = Path(shutil.copytree(SAMPLE / "studies", Path(name) / "studies"))
        with running_server(studies, Path(name) / "server.log") as url:
            requests.post(
                f"{url}/infer/mark_lesion",
                params={"image": BASELINE, "output": "json"},
                data={"params": json.dumps({"lesions": marks})},
                timeout=PATIENCE_S,
            ).raise_for_status()
            draw(url)
    return 0


def draw(url: str) -> None:
    """Let Chromium work through the pages and draw them."""
    given = {"base": url, "shots": "", "patient": PATIENT, "study": FOLLOWUP, "folder": str(ROOT / "docs")}
    script = Path(__file__).with_name("review.js")
    environment = {**os.environ, "CHROMIUM": str(CHROMIUM), "PLAYWRIGHT": str(PLAYWRIGHT), "NO_PROXY": "127.0.0.1"}
    command = [str(NODE), str(script), "pictures", json.dumps(given)]
    subprocess.run(command, check=True, env=environment, timeout=2 * PATIENCE_S)


if __name__ == "__main__":
    sys.exit(main())
