"""`python -m tests.browser.response_picture`: makes the picture of the response in docs/ anew, of a patient that is drawn."""

import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

from lesion_tracker.readers.lines import now
from lesion_tracker.readers.size_store import Kept, SizeStore
from lesion_tracker.readers.volumes_of import UNKNOWN
from lesion_tracker.records.derived import expected_track
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.settings import Settings
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume
from tests.browser.test_review import drive, serving
from tests.server.review.conftest import ORIGIN_MM, ShiftingEngine, made_page

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have httpx's successor
    from fastapi.testclient import TestClient

DOCS = Path(__file__).parents[2] / "docs"
STUDIES = tuple(f"demo__{day}" for day in ("20230110", "20230412", "20230705", "20231120", "20240318"))
GONE = None
Sizes = tuple[tuple[float, float] | None, ...]

LESIONS: tuple[tuple[str, str, str, bool, Sizes], ...] = (
    ("right upper lobe", "target", "lung", False, ((48.2, 33.0), (36.5, 25.1), (22.0, 15.2), (24.1, 16.0), (35.8, 24.4))),
    ("left hilum", "target", "lung", False, ((27.3, 20.0), (22.5, 17.8), (15.0, 12.2), (12.8, 9.0), (16.9, 13.3))),
    ("subcarinal node", "target", "mediastinum", True, ((31.0, 21.4), (27.0, 17.5), (20.0, 12.0), (18.0, 9.1), (18.5, 9.4))),
    ("right middle lobe", "non-target", "lung", False, ((18.4, 12.9), (12.2, 9.0), GONE, GONE, GONE)),
    ("left adrenal", "non-target", "adrenal", False, ((14.0, 10.2), (13.1, 9.7), (12.5, 9.9), (12.0, 9.0), (12.4, 9.3))),
    ("left lower lobe", "", "", False, ((15.5, 11.1),)),
)  # fmt: skip
"""Name, role, organ, lymph node or not, and long and short axis per study, mm; of the last, which is new, in the last study."""


def main() -> int:
    """Draw docs/review-response.png."""
    with tempfile.TemporaryDirectory(prefix="lesion-tracker-response-") as name:
        folder = Path(name)
        grid = Grid.from_parts((40, 36, 20), np.array([2.0, 2.0, 4.0]), ORIGIN_MM, np.eye(3))
        for study in STUDIES:
            write_volume(Volume(np.zeros(grid.shape, np.int16), grid), folder / f"{study}.nii.gz")
        application, marks, _ = made_page(folder, ShiftingEngine(Settings(), folder / "cache", folder / "model"))
        sizes = SizeStore(marks)
        with TestClient(application) as http:
            for n, (label, role, organ, node, axes) in enumerate(LESIONS, start=1):
                lesion = Lesion(f"lesion_{n}", (4.0 * n - 12, 2.0 * n, -160.0), 6.0, label, marked_by="dr reader")
                x, y, z = lesion.center_mm
                for study, both in zip(STUDIES[-len(axes) :], axes, strict=True):
                    if both is GONE:
                        said = {"study": study, "lesion": lesion.id, "fate": "gone", "reader": "dr reader"}
                        http.post("/lesions/fate", json=said).raise_for_status()
                        continue
                    if (label, study) == ("left hilum", STUDIES[-1]):  # no reader has looked at it
                        track = expected_track(lesion, STUDIES[0], study, (x, y, z), 6.0, "shift", created_at=now())
                        marks.add_tracks(study, [track])
                    else:
                        marks.mark(study, [lesion])
                    ends = (((x - half, y, z), (x + half, y, z)) for half in (both[0] / 2, both[1] / 2))
                    check = "its contrast is low (12 HU)" if (label, study) == ("left hilum", STUDIES[2]) else ""
                    kept = Measurement(
                        (x, y, z), *both, *ends, z, 1.0, 40.0, check=check, study_id=study, lesion_id=lesion.id
                    )
                    sizes.add(study, [Kept(kept, (x, y, z), 4.0, UNKNOWN)])
                if role:
                    traits = {"patient": "demo", "lesion": lesion.id, "role": role, "organ": organ, "node": node}
                    http.post("/lesions/traits", json={**traits, "reader": "dr reader"}).raise_for_status()
            new = {"study": STUDIES[-1], "lesion": f"lesion_{len(LESIONS)}", "fate": "new", "reader": "dr reader"}
            http.post("/lesions/fate", json=new).raise_for_status()
        with serving(application) as url:
            drive(url, "response_picture", folder=str(DOCS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
