"""The doors of docs/extend.md: each of six changes, made in a copy of the package, takes three files at most and works."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "apps" / "lesion_tracker" / "lesion_tracker"
PAGE = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
MOST_FILES = 3

STUDIES = """
import json, sys
from pathlib import Path
import numpy as np
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume
from lesion_tracker.commands.dispatch import main

folder = Path(sys.argv[1])
z, y, x = np.mgrid[:24, :48, :48]
body = ((x - 24) ** 2 + (y - 24) ** 2 < 400) & (z > 1) & (z < 22)
hu = np.where(body, 40, -1000).astype(np.int16)
hu[10:14, 20:28, 20:28] = 200
grid = Grid.from_parts((48, 48, 24), np.array([4.0, 4.0, 6.0]), np.array([-96.0, -96.0, -72.0]), np.eye(3))
for later, name in enumerate(("one__20200101", "one__20210101")):
    write_volume(Volume(hu + np.int16(later), grid), folder / f"{name}.nii.gz")  # no study is tracked in itself
(folder / "lesions.json").write_text(json.dumps({"lesions": [{"id": "a", "center_mm": [0.0, 0.0, 0.0], "radius_mm": 9}]}))
here = [str(folder / f"{name}.nii.gz") for name in ("one__20200101", "one__20210101")]

def track(*more):
    words = ["track", *here, "--lesions", str(folder / "lesions.json"), "--out", str(folder / "tracks.json"), *more]
    assert main([*words, "--csv", str(folder / "tracks.csv")]) == 0
    return json.loads((folder / "tracks.json").read_text())["tracks"][0]
"""


@dataclass(frozen=True)
class Door:
    """One change.

    Args:
        heading: of its section in docs/extend.md.
        edits: by file of the package, what is replaced by what; "" is a new file.
        use: what works afterwards.
    """

    heading: str
    edits: dict[str, tuple[str, str]]
    use: str
    needs: list[str] = field(default_factory=list)


METHOD = Door(
    "A registration method",
    {
        "registration/standstill.py": (
            "",
            '''"""The patient has not moved at all."""

import numpy as np

from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.volumes.volume import Volume


def register_standstill(baseline: Volume, followup: Volume) -> FollowupFromBaseline:
    """Return the map that leaves every point where it is."""
    return FollowupFromBaseline("standstill", np.eye(4))
''',
        ),
        "registration/methods.py": (
            '    "affine": RegistrationMethod(register_affine, AFFINE),\n',
            '    "affine": RegistrationMethod(register_affine, AFFINE),\n'
            '    "standstill": RegistrationMethod(register_standstill, {}),\n',
        ),
        "records/method.py": (
            '        Method("affine", "affine", "the point of the affine registration"),\n',
            '        Method("affine", "affine", "the point of the affine registration"),\n'
            '        Method("standstill", "standstill", "the same place"),\n',
        ),
    },
    STUDIES
    + """
found = track("--method", "standstill")
assert found["method"] == "standstill" and found["center_mm"] == [0.0, 0.0, 0.0], found
from lesion_tracker.settings import parse_settings
assert parse_settings({"method": "standstill"}, {}).method == "standstill"
from lesion_tracker.server.viewers.track_lesion import OPTIONS
assert "standstill" in OPTIONS["method"]
""",
)

COLUMN = Door(
    "A column of the exports",
    {
        "files/tracks_file.py": (
            '    "note": lambda track: track.note,\n',
            '    "note": lambda track: track.note,\n    "in_m": lambda track: round(track.center_mm[2] / 1000, 6),\n',
        ),
        "report/review_csv.py": (
            '    "reader": lambda line: line.cell.who,\n',
            '    "reader": lambda line: line.cell.who,\n    "in_m": lambda line: line.cell.center_mm[2] / 1000,\n',
        ),
    },
    STUDIES
    + """
track("--method", "affine")
head, row = (folder / "tracks.csv").read_text().splitlines()[:2]
assert "in_m" in head.split(","), head
from lesion_tracker.report.review_csv import review_csv
assert "in_m" in review_csv("p", [], {}).splitlines()[0].split(",")
""",
)

STATE = Door(
    "A state",
    {
        "records/state.py": (
            "STATES = {state.name: state for state in (FOUND, UNCERTAIN, OUTSIDE)}",
            'FAINT = State("faint", "hard to see", "#8888ff", "There is little contrast.")\n'
            "STATES = {state.name: state for state in (FOUND, UNCERTAIN, OUTSIDE, FAINT)}",
        ),
        "tracking/confidence.py": (
            "    return (FOUND if confidence",
            "    if confidence < 0.2:\n        return FAINT.name\n    return (FOUND if confidence",
        ),
    },
    """
from lesion_tracker.records.state import states_json
from lesion_tracker.records.track import Track
track = Track("a", "b", "f", (0, 0, 0), 5.0, 0.5, "faint", (0, 0, 0), "affine")
assert Track.from_json(track.to_json()) == track
assert states_json()["faint"]["words"] == "hard to see"
from lesion_tracker.server.review.pages import page_file
assert "#8888ff" in page_file("states.css")
from lesion_tracker.tracking.confidence import uncalibrated_state
assert [uncalibrated_state(value) for value in (0.1, 0.9)] == ["faint", "found"]
""",
)

PARAMETER = Door(
    "A parameter of track_lesion",
    {
        "tracking/options.py": (
            "        choices=tuple(METHODS),\n    )\n",
            '        choices=tuple(METHODS),\n    )\n    remark: str = _asked("", "said in each answer")\n',
        ),
        "tracking/track.py": (
            "    cases, tracks = _tracked(job, lesions)\n",
            "    cases, tracks = _tracked(job, lesions)\n"
            "    tracks = [one.with_changes(note=(options or TrackOptions()).remark) for one in tracks]\n",
        ),
    },
    STUDIES
    + """
assert track("--method", "affine", "--remark", "as asked")["note"] == "as asked"
from lesion_tracker.server.viewers.track_lesion import OPTIONS
assert OPTIONS["remark"] == ""
""",
)

QUANTITY = Door(
    "A reported quantity of each track",
    {
        "records/track.py": ('    note: str = ""\n', '    note: str = ""\n    sharpness: Number = 0.25\n'),
        "records/quantity.py": (
            '        Quantity("expected_radius_mm", "expected radius {:.1f} mm"),\n',
            '        Quantity("expected_radius_mm", "expected radius {:.1f} mm"),\n'
            '        Quantity("sharpness", "sharpness {:.2f}"),\n',
        ),
    },
    STUDIES
    + """
found = track("--method", "affine")
assert found["sharpness"] == 0.25
assert "sharpness" in (folder / "tracks.csv").read_text().splitlines()[0].split(",")
from lesion_tracker.report.review_csv import review_csv
assert "sharpness" in review_csv("p", [], {}).splitlines()[0].split(",")
from lesion_tracker.records.track import Track
from lesion_tracker.records.quantity import quantities_in_words
assert "sharpness 0.25" in quantities_in_words(Track.from_json(found))
""",
)

BACKBONE = Door(
    "A backbone of the network",
    {
        "network/means.py": (
            "",
            '''"""A backbone that only averages."""

import torch
from torch import nn
from torch.nn import functional as F

from lesion_tracker.network.config import STRIDES, WINDOWS_HU, NetworkConfig


class Means(nn.Module):
    """Means over the cells of each scale, mixed by one convolution."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.mix = nn.ModuleList([nn.Conv3d(len(WINDOWS_HU), config.features, 1) for _ in STRIDES])

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Return psi1, psi2, psi3."""
        return [mix(F.avg_pool3d(image, (z, y, x))) for mix, (x, y, z) in zip(self.mix, STRIDES, strict=True)]
''',
        ),
        "network/backbones.py": ('{"dense_fpn": DenseFPN}', '{"dense_fpn": DenseFPN, "means": Means}'),
    },
    """
import sys
from pathlib import Path
from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.network.weights import load_tracker, save_tracker
net = TrackerNet(NetworkConfig(backbone="means", features=8, global_kernel=(3, 5, 5)))
folder = Path(sys.argv[1])
save_tracker(net, folder, {"name": "means"})
assert type(load_tracker(folder, "cpu").net.psi).__name__ == "Means"
""",
    ["from lesion_tracker.network.means import Means"],
)
STATE.needs.append("from lesion_tracker.records.state import FAINT")
METHOD.needs.append("from lesion_tracker.registration.standstill import register_standstill")

DOORS = {door.heading: door for door in (METHOD, COLUMN, PARAMETER, STATE, QUANTITY, BACKBONE)}


@pytest.mark.long
@pytest.mark.parametrize("heading", DOORS)
def test_a_change_takes_three_files_and_works(heading: str, tmp_path: Path) -> None:
    door = DOORS[heading]
    assert len(door.edits) <= MOST_FILES
    app = tmp_path / "app"
    shutil.copytree(PACKAGE, app / "lesion_tracker", ignore=shutil.ignore_patterns("__pycache__"))
    for name, (before, after) in door.edits.items():
        path = app / "lesion_tracker" / name
        text = path.read_text(encoding="utf-8") if before else ""
        assert text.count(before) == 1 or not before, f"{name} has changed: mend docs/extend.md, too"
        path.write_text(_with_imports(text.replace(before, after) if before else after, door), encoding="utf-8")
    (tmp_path / "out").mkdir()
    code = f"import sys; sys.path.insert(0, {str(app)!r})\n{door.use}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")], capture_output=True, text=True, cwd=tmp_path, env=_bare()
    )
    assert done.returncode == 0, done.stderr[-3000:]


def _with_imports(text: str, door: Door) -> str:
    """Add the imports that an edit needs to the file that names what they bring."""
    for line in door.needs:
        brought = line.rsplit(" ", 1)[1]
        made = (f"class {brought}", f"def {brought}", f"{brought} = ")
        if brought in text and not any(one in text for one in made):
            text = text.replace("\nfrom lesion_tracker", f"\n{line}\nfrom lesion_tracker", 1)
    return text


def _bare() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.mark.parametrize("heading", DOORS)
def test_the_page_names_each_file(heading: str) -> None:
    assert f"## {heading}\n" in PAGE
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    for name in DOORS[heading].edits:
        shown = name if (PACKAGE / name).exists() else f"{Path(name).parent}/NAME.py"
        assert f"`{shown}`" in section
