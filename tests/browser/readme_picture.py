"""`python -m tests.browser.readme_picture`: makes docs/lesions.png, the review page of the sample patient, anew."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

from lesion_tracker.places import SAMPLE
from lesion_tracker.server.local_server import running_server
from tests.browser.conftest import CHROMIUM

ROOT = Path(__file__).parents[2]
PATIENT, BASELINE, FOLLOWUP = "LIDC-IDRI-0001", "LIDC-IDRI-0001__20000101", "LIDC-IDRI-0001__20000401__constructed"
SIZE = (1200, 460)
PATIENCE_S = 900


def main() -> int:
    """Serve the sample data, mark and track its lesion, and let Chromium draw the page."""
    if not CHROMIUM:
        sys.stderr.write("Chromium is not installed (apt-get install chromium)\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="lesion-tracker-picture-") as name:
        studies = Path(shutil.copytree(SAMPLE / "studies", Path(name) / "studies"))
        with running_server(studies, Path(name) / "server.log") as url:
            for model, image, params in (
                ("mark_lesion", BASELINE, json.loads((SAMPLE / "lesions.json").read_text())),
                ("track_lesion", FOLLOWUP, {}),
            ):
                requests.post(
                    f"{url}/infer/{model}",
                    params={"image": image, "output": "json"},
                    data={"params": json.dumps(params)},
                    timeout=PATIENCE_S,
                ).raise_for_status()
            draw(f"{url}/lesions/?patient={PATIENT}", ROOT / "docs" / "lesions.png", Path(name))
    return 0


def draw(address: str, picture: Path, folder: Path) -> None:
    """Let Chromium draw a page once all that it shows has been loaded."""
    command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
    command += ["--disable-background-networking", f"--user-data-dir={folder / 'profile'}"]
    command += [f"--window-size={SIZE[0]},{SIZE[1]}", f"--screenshot={picture}", "--virtual-time-budget=30000", address]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)


if __name__ == "__main__":
    sys.exit(main())
