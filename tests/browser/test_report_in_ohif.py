"""The bundled, unmodified OHIF reads reports: both axes become a measurement of its own; and the whole way to there."""

import math
from pathlib import Path

import numpy as np
import pytest
import requests

from lesion_tracker.records.measurement import Measurement
from lesion_tracker.report.dicom_lesion import MadeBy, ReportedLesion
from lesion_tracker.report.dicom_source import read_source
from lesion_tracker.report.dicom_sr import structured_report
from lesion_tracker.volumes.dicom_writer import uid_of
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from tests.browser.conftest import needs_browser, needs_orthanc, run_scenario
from tests.pacs.orthanc import Orthanc, drawn_series
from tests.server.conftest import ANSWER_S, Server
from tests.server.phantom import PATIENTS, SHIFTS_MM

pytestmark = [
    pytest.mark.browser,
    pytest.mark.pacs,
    pytest.mark.server,
    needs_browser,
    needs_orthanc,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

GRID = Grid.from_parts((96, 80, 12), np.array([0.8, 0.8, 2.5]), np.array([-38.0, -32.0, 0.0]), np.eye(3))
CENTER, RADII = np.array([4.0, -3.0, 15.0]), np.array([16.0, 9.0])
ANGLES = np.linspace(0, 2 * np.pi, 73)


def test_both_axes_of_a_report_become_a_measurement(
    studies: tuple[Orthanc, list[str]], server: Server, tmp_path: Path
) -> None:
    k, j, i = np.meshgrid(*(np.arange(n) for n in GRID.shape), indexing="ij")
    points = GRID.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1).astype(float)) - CENTER
    inside = ((points[:, :2] / RADII) ** 2).sum(axis=1).reshape(GRID.shape) < 1
    volume = Volume(np.where(inside & (np.abs(k - 6) < 3), 120, 20).astype(np.int16), GRID)
    _, files = drawn_series(tmp_path, volume, patient="reported", study="reported", series="ct", date="20240101")
    ring = tuple((float(4 + 16 * np.cos(a)), float(-3 + 9 * np.sin(a)), 15.0) for a in ANGLES)
    ends = (((-12.0, -3.0, 15.0), (20.0, -3.0, 15.0)), ((4.0, -12.0, 15.0), (4.0, 6.0, 15.0)))
    measured = Measurement((4.0, -3.0, 15.0), 32.0, 18.0, *ends, 15.0, 3.4, 120.0, (ring,), method="drawn", version="1")
    lesions = [
        ReportedLesion("lesion_7", "2.25.707", (4.0, -3.0, 15.0), organ="liver", measured=measured),
        ReportedLesion("lesion_8", "2.25.708", (-20.0, 10.0, 7.5), fate="gone"),
    ]
    path = tmp_path / "report.dcm"
    structured_report(read_source(files[0].parent), lesions, MadeBy("Ann Reader")).save_as(path)
    studies[0].send([*files, path])
    found = run_scenario(server, "report.js", "report", study=uid_of("tests", "reported"), shot_name="report-in-ohif")
    (measurement,) = [one for one in found["measurements"] if one["tool"] == "Bidirectional"]
    assert measurement["finding"] == "lesion_7"
    assert np.allclose(measurement["points"], [*ends[0], *ends[1]], atol=0.05)
    assert measurement["stats"]["length"] == pytest.approx(32.0, abs=0.1)
    assert measurement["stats"]["width"] == pytest.approx(18.0, abs=0.1)
    assert "lesion_7" in found["seen"]


def test_the_whole_way_from_a_click_to_a_measurement_in_ohif(
    studies: tuple[Orthanc, list[str]], server: Server, tmp_path: Path
) -> None:
    """Click, track, correct an end point, response, report in the PACS, and OHIF measures what the reader drew."""
    orthanc, bob = studies[0], PATIENTS[1]
    names = {"first": "20200101", "second": "20210101"}
    series = {}
    for name, date in names.items():
        volume = bob.study(SHIFTS_MM["bob"] if name == "second" else (0.0, 0.0, 0.0))
        series[name], files = drawn_series(
            tmp_path, volume, patient="whole", study=f"way {name}", series="ct", date=date
        )
        orthanc.send(files)
    second = uid_of("tests", "way second")
    found = run_scenario(server, "report.js", "way", patient="whole", study=second, mark=bob.lesions_mm[0], **series)
    assert "1 point tracked in 1 study" in found["tracked"]
    (long_mm, short_mm), (before_mm, _) = ([math.dist(*axis) for axis in found[name]] for name in ("axes", "automatic"))
    assert before_mm == pytest.approx(2 * bob.radii_mm[0], abs=3)  # slices and voxels of 3 mm
    assert long_mm > before_mm + 6
    assert found["kept"].startswith(f"lesion_1: {long_mm:.1f} × {short_mm:.1f} mm kept")
    assert f"{long_mm:.1f}" in found["sums"][1]
    assert found["categories"][1] == "PD"
    assert found["stored"] == "1 stored in the PACS"
    stored = requests.get(f"{orthanc.dicom_web}/studies/{second}/instances?Modality=SR", timeout=ANSWER_S).json()
    assert len(stored) == 1
    (measurement,) = [one for one in found["measurements"] if one["tool"] == "Bidirectional"]
    assert measurement["finding"] == "lesion_1"
    assert np.allclose(measurement["points"][:2], found["axes"][0], atol=0.05)
    assert measurement["stats"]["length"] == pytest.approx(long_mm, abs=0.1)
    assert measurement["stats"]["width"] == pytest.approx(short_mm, abs=0.1)
