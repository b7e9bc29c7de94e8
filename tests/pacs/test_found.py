"""Reports that lie in the PACS are offered, and what a reader takes over is a mark with the axes' length, or a fate."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest

from lesion_tracker.records.lesion import Lesion
from lesion_tracker.report.dicom_lesion import MadeBy, ReportedLesion
from lesion_tracker.report.dicom_source import read_source
from lesion_tracker.report.dicom_sr import structured_report
from tests.pacs.dialects import DialectPacs
from tests.pacs.orthanc import drawn_series
from tests.pacs.results_server import Server
from tests.report.drawn import BALL, OTHER, balls
from tests.report.ohif_like import Drawn, ohif_report, saved

pytestmark = pytest.mark.filterwarnings("ignore:The value length")

K = 16
"""The slice of both balls, z = 40 mm."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """Return a server and a series in which lesion_1 is marked; its PACS has a report of OHIF's and one of ours."""
    (tmp_path / "pacs").mkdir()
    series, files = drawn_series(
        tmp_path / "pacs" / "ct", balls(8.0, other=True), patient="P 1", study="f", series="s", date="20200101"
    )
    source = read_source(files[0].parent)
    image, study = str(source.slices[K].SOPInstanceUID), str(source.slices[K].StudyInstanceUID)
    # columns (x + 43) / 1.2 + 0.5 and rows (y + 36) / 1.2 + 0.5 of 16 and 12 mm round the balls
    drawn = [
        Drawn(image, (29.6667, 30.5, 43.0, 30.5), 16.0, "seen in OHIF", (36.3333, 25.5, 36.3333, 35.5), 12.0),
        Drawn(image, (51.3333, 30.5, 61.3333, 30.5), 12.0, "second", (56.3333, 26.5, 56.3333, 34.5), 9.6),
    ]
    saved(ohif_report(study, drawn, patient="P 1"), tmp_path / "pacs" / "ohif.dcm")
    gone = ReportedLesion("lesion_1", "2.25.5", (0.0, 20.0, 40.0), fate="gone")
    structured_report(source, [gone], MadeBy("bob")).save_as(tmp_path / "pacs" / "ours.dcm")
    with DialectPacs(tmp_path / "pacs").running() as pacs:
        made = Server(pacs, tmp_path, pacs_write=False)
        made.marks.mark(series, [Lesion("lesion_1", BALL, 5.0, tracking_uid="2.25.1", marked_by="ann")])
        yield made, series


def _offers(server: Server, series: str) -> dict[str, Any]:
    answer = server.http.get("/lesions/found", params={"study": series})
    assert answer.status_code == 200, answer.text
    return {one["name"]: one for one in answer.json()["offers"]}


def _take(server: Server, series: str, offer: dict[str, Any], expect: int = 200) -> dict[str, Any]:
    body = {"study": series, "report": offer["report_uid"], "tracking_uid": offer["tracking_uid"], "reader": "bob"}
    answer = server.http.post("/lesions/take", json=body)
    assert answer.status_code == expect, answer.text
    return dict(answer.json())


def test_reports_are_offered_and_nothing_is_taken_unasked(server: tuple[Server, str]) -> None:
    made, series = server
    found = _offers(made, series)
    assert (found["seen in OHIF"]["lesion"], found["second"]["lesion"]) == ("lesion_1", "")
    assert found["seen in OHIF"]["long_axis_mm"] == 16.0
    assert found["seen in OHIF"]["why"] == "0.0 mm from its point"
    assert [one.radius_mm for one in made.marks.lesions(series)] == [5.0]
    assert made.pacs.posted == []


def test_what_is_taken_over_is_a_mark_that_keeps_its_uid(server: tuple[Server, str]) -> None:
    made, series = server
    found = _offers(made, series)
    assert _take(made, series, found["seen in OHIF"])["lesion"] == "lesion_1"
    assert _take(made, series, found["second"])["lesion"] == "lesion_2"
    known, new = made.marks.lesions(series)
    assert (known.tracking_uid, known.radius_mm, known.marked_by) == ("2.25.1", 8.0, "bob")
    assert (new.label, new.radius_mm, new.tracking_uid) == ("second", 6.0, found["second"]["tracking_uid"])
    assert new.center_mm == pytest.approx(OTHER, abs=0.05)
    again = _offers(made, series)["second"]
    assert (again["lesion"], again["why"]) == ("lesion_2", "the same TrackingUID")


def test_a_fate_is_taken_over_where_the_patient_has_the_lesion(server: tuple[Server, str]) -> None:
    made, series = server
    gone = _offers(made, series)["lesion_1"]
    assert (gone["fate"], gone["lesion"]) == ("gone", "")  # 20 mm beside the lesion of that name
    assert "the patient has no lesion that could be gone" in _take(made, series, gone, 422)["detail"]
    report = next(path for path in made.pacs.folder.glob("ours.dcm"))
    data = pydicom.dcmread(report)
    (group,) = data.ContentSequence[-1].ContentSequence
    uid = next(item for item in group.ContentSequence if item.ValueType == "UIDREF")
    uid.UID = "2.25.1"
    data.save_as(report)
    (made.pacs.folder / "ohif.dcm").unlink()
    gone = _offers(made, series)["lesion_1"]
    assert _take(made, series, gone)["lesion"] == "lesion_1"
    assert made.fates.of_study(series).fates["lesion_1"].fate == "gone"
    assert made.fates.of_study(series).fates["lesion_1"].said_by == "bob"


def test_what_no_report_offers_cannot_be_taken(server: tuple[Server, str]) -> None:
    made, series = server
    told = _take(made, series, {"report_uid": "1.2", "tracking_uid": "1.2.3"}, 404)
    assert "look again" in told["detail"]
