"""Reports read back as lesions: our own, and OHIF's; matched with the patient's lesions by place and name."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.commands.dispatch import main
from lesion_tracker.files.lesions_file import read_lesions
from lesion_tracker.readers.cell import Cell
from lesion_tracker.readers.patient_table import Row
from lesion_tracker.report.dicom_source import SourceSeries
from lesion_tracker.report.dicom_sr import structured_report
from lesion_tracker.report.dicom_sr_reading import FoundLesion, found_in, found_in_file
from lesion_tracker.report.found_match import offers
from tests.report.ohif_like import Drawn, ohif_report, saved
from tests.report.test_dicom import BY, GONE, LIVER, MEASURED, UPRIGHT, _saved, _series, source

__all__ = ["source"]

pytestmark = pytest.mark.filterwarnings("ignore:The value length")
"""OHIF's free text has 19 characters where DICOM allows 16."""

K = 10
"""The slice at z = 30 mm of the upright series, whose pixels are 0.8 by 0.9 mm from (-30, -20)."""

LONG, SHORT = (15.5, 17.5, 35.5, 17.5), (25.5, 12.5, 25.5, 22.5)
"""16 mm along x and 9 mm along y, from (-18, -4.7) and (-10, -9.2): (pixel - 0.5) * spacing + origin."""


def _drawn(source: SourceSeries, **more: object) -> Drawn:
    image = str(source.slices[K].SOPInstanceUID)
    return replace(Drawn(image, LONG, 16.0, "Läsion 1", SHORT, 9.0), **more)  # type: ignore[arg-type]


def test_our_own_report_is_read_back_to_the_points_that_were_written(source: SourceSeries, tmp_path: Path) -> None:
    found = found_in_file(_saved(structured_report(source, [LIVER, GONE], BY), tmp_path, "sr.dcm"), source)
    liver, gone = found.lesions
    assert (liver.name, liver.tracking_uid, liver.fate) == ("Läsion 1", "2.25.1", "present")
    assert (liver.long_axis_mm, liver.short_axis_mm, liver.made_by) == (16.0, 10.0, "Lesion Tracker")
    np.testing.assert_allclose(liver.long_ends_mm, MEASURED.long_ends_mm, atol=1e-3)
    np.testing.assert_allclose(liver.short_ends_mm, MEASURED.short_ends_mm, atol=1e-3)
    np.testing.assert_allclose(liver.center_mm, (-10.0, -5.0, 30.0), atol=1e-3)
    assert (gone.name, gone.fate, gone.long_axis_mm) == ("lesion_2", "gone", None)
    np.testing.assert_allclose(gone.center_mm, GONE.place_mm, atol=1e-3)
    assert found.passed_over == ()


def test_what_ohif_writes_is_read(tmp_path: Path) -> None:
    source = _series(tmp_path / "ct")
    length = _drawn(source, name="", short=None, tool="Cornerstone3DTools@^0.1.0:Length")
    path = saved(ohif_report("1.2", [_drawn(source), length]), tmp_path / "sr.dcm")
    both, only = found_in_file(path, source).lesions
    assert (both.name, both.made_by, both.made_at) == ("Läsion 1", "OHIF", "20260101120000")
    np.testing.assert_allclose(both.center_mm, (-10.0, -4.7, 30.0), atol=1e-3)
    np.testing.assert_allclose(both.short_ends_mm, [(-10.0, -9.2, 30.0), (-10.0, -0.2, 30.0)], atol=1e-3)
    assert (both.long_axis_mm, both.short_axis_mm, both.radius_mm) == (16.0, 9.0, 8.0)
    assert (only.name, only.short_axis_mm) == ("", None)
    assert both.tracking_uid != only.tracking_uid


PASSED_OVER = {
    "another series": ({"image": "1.2.3"}, "measured on another series"),
    "another program": ({"tool": "Other@1:Bidirectional"}, "of another program"),
    "pixels": ({"unit": "px"}, "its length is 16 px, not mm"),
    "nonsense": ({"length": -1.0}, "its length is -1 mm, not mm of a lesion"),
    "no agreement": ({"length": 20.0}, "its length is 20.0 mm, and its end points are 16.0 mm apart"),
    "outside": ({"long": (15.5, 170.5, 35.5, 170.5)}, "its points lie outside of the slice"),
    "no name, no place": ({"image": ""}, "it has no place on a slice"),
}


@pytest.mark.parametrize("case", PASSED_OVER)
def test_what_cannot_be_taken_over_is_passed_over_with_why(case: str, tmp_path: Path) -> None:
    source = _series(tmp_path / "ct")
    change, why = PASSED_OVER[case]
    found = found_in(ohif_report("1.2", [_drawn(source), _drawn(source, **change)]), source)
    assert len(found.lesions) == 1
    (told,) = found.passed_over
    assert why in told


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_a_report_of_another_patient_offers_nothing_and_damaged_groups_hide_no_others(tmp_path: Path) -> None:
    source = _series(tmp_path / "ct")
    report = ohif_report("1.2", [_drawn(source)] * 3)
    first, second, _ = report.ContentSequence[0].ContentSequence
    first.ContentSequence[1].UID = "2.25.x"
    number = next(one for one in second.ContentSequence if one.ValueType == "NUM")
    number.MeasuredValueSequence[0].NumericValue = ["1", "2"]
    found = found_in(report, source)
    assert len(found.lesions) == 1
    assert "a tracking_uid is a DICOM UID" in found.passed_over[0]
    report.PatientID = "P 2"
    found = found_in(report, source)
    assert (found.lesions, len(found.passed_over)) == ((), 1)
    assert "a report of patient 'P 2', the series is of 'P^Q'" in found.passed_over[0]


def test_a_lesion_that_merged_is_said_on_the_page(tmp_path: Path) -> None:
    source = _series(tmp_path / "ct")
    path = _saved(structured_report(source, [replace(GONE, fate="merged")], BY), tmp_path, "sr.dcm")
    assert "a report does not say with which" in found_in_file(path, source).passed_over[0]


@pytest.mark.filterwarnings("ignore:End of file reached")
def test_no_file_stops_the_others(tmp_path: Path) -> None:
    source = _series(tmp_path / "ct")
    (tmp_path / "torn.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 50)
    (tmp_path / "text.dcm").write_text("no DICOM")
    for name in ("torn.dcm", "text.dcm"):
        found = found_in_file(tmp_path / name, source)
        assert found.lesions == ()
    assert found_in(source.slices[0], source).lesions == ()  # a slice is no report


HERE, ELSEWHERE = "s1", "s0"


def _row(name: str, label: str, **places: tuple[float, float, float]) -> Row:
    cells = {
        study: Cell(study, name, label, "marked", place, 6.0, f"2.25.{name[-1]}") for study, place in places.items()
    }
    return Row(name, label, cells)


ROWS = [
    _row("lesion_1", "liver", s0=(0.0, 0.0, 0.0), s1=(10.0, 0.0, 0.0)),
    _row("lesion_2", "lung", s0=(50.0, 0.0, 0.0)),
    _row("lesion_3", "spleen", s1=(16.0, 0.0, 0.0)),
]
MATCHES = {
    "uid": (("anything", "2.25.2", (90.0, 0.0, 0.0)), "lesion_2", "the same TrackingUID"),
    "place": (("", "9.9", (11.0, 0.0, 0.0)), "lesion_1", "1.0 mm from its point"),
    "place and name": (("Spleen", "9.9", (12.0, 0.0, 0.0)), "lesion_3", "and the same name"),
    "place over a foreign name": (("lung", "9.9", (17.0, 0.0, 0.0)), "lesion_3", "1.0 mm from its point"),
    "name": (("LUNG", "9.9", (70.0, 0.0, 0.0)), "lesion_2", "it has no point in this study"),
    "name, elsewhere": (("liver", "9.9", (60.0, 0.0, 0.0)), "", "lies 50 mm away: another one"),
    "new": (("", "9.9", (60.0, 0.0, 0.0)), "", "none of this patient's lesions"),
}


@pytest.mark.parametrize("case", MATCHES)
def test_lesions_are_matched_by_uid_place_and_name(case: str) -> None:
    (name, uid, place), lesion_id, why = MATCHES[case]
    found = FoundLesion(name, uid, place, long_axis_mm=10.0)
    (offer,) = offers([found], ROWS, HERE)
    assert offer.lesion_id == lesion_id
    assert why in offer.why


def test_of_several_reports_about_one_lesion_the_newest_is_offered() -> None:
    old = FoundLesion("a", "9.1", (60.0, 0.0, 0.0), long_axis_mm=10.0, made_at="20200101")
    new = replace(old, tracking_uid="9.2", center_mm=(61.0, 0.0, 0.0), made_at="20200202")
    other = replace(old, tracking_uid="9.3", center_mm=(80.0, 0.0, 0.0))
    assert [one.found.tracking_uid for one in offers([old, new, other], ROWS, HERE)] == ["9.2", "9.3"]


def test_the_command_writes_a_lesions_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = _series(tmp_path / "ct", UPRIGHT)
    report = saved(ohif_report("1.2", [_drawn(source), _drawn(source, unit="px")]), tmp_path / "sr.dcm")
    out = tmp_path / "lesions.json"
    words = ["read-report", str(report), "--series", str(tmp_path / "ct"), "--out", str(out)]
    assert main(words) == 0
    told = capsys.readouterr()
    assert "lesion_1  Läsion 1  16.0 x 9.0 mm  OHIF" in told.out
    assert "warning: Läsion 1: its length is 16 px" in told.err
    (lesion,) = read_lesions(out)
    assert (lesion.label, lesion.radius_mm) == ("Läsion 1", 8.0)
    assert json.loads(out.read_text())["lesions"][0]["tracking_uid"] == lesion.tracking_uid
    empty = saved(ohif_report("1.2", [], made_at="20260102120000"), tmp_path / "empty.dcm")
    assert main(["read-report", str(empty), "--series", str(tmp_path / "ct"), "--out", str(out)]) == 2
    assert "measure no lesion of this series" in capsys.readouterr().err
