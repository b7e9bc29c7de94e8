"""Results into a PACS: only when allowed and asked for, only what a reader looked at, once, and never lost in silence."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom as hd
import pydicom
import pytest
from pydicom.uid import ComprehensiveSRStorage, SegmentationStorage

from lesion_tracker.pacs.storing import Instance, store
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.settings import Settings
from tests.pacs.conftest import pacs_on
from tests.pacs.dialects import Dialect, DialectPacs, Stores
from tests.pacs.orthanc import Orthanc, drawn_series, needs_orthanc
from tests.pacs.results_server import Server
from tests.report.drawn import BALL, OTHER, balls


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Path]]:
    """Return a series of two balls."""
    folder = tmp_path_factory.mktemp("storing")
    return drawn_series(folder, balls(8.0, other=True), patient="P 1", study="stored", series="s", date="20200101")


@pytest.fixture
def series(drawn: tuple[str, list[Path]], tmp_path: Path) -> str:
    """Return its UID; its files lie in the folder of this test's PACS."""
    (tmp_path / "pacs").mkdir()
    for file in drawn[1]:
        (tmp_path / "pacs" / file.name).write_bytes(file.read_bytes())
    return drawn[0]


@pytest.fixture
def server(series: str, tmp_path: Path) -> Any:
    """Return a server that may write; a marked lesion, and one that only the tracker found."""
    with DialectPacs(tmp_path / "pacs").running() as pacs:
        made = Server(pacs, tmp_path, pacs_write=True)
        (marked,) = made.marks.mark(series, [Lesion("lesion_1", BALL, 8.0, marked_by="ann")])
        track = Track("lesion_2", "earlier", series, OTHER, 6.0, 0.9, "found", OTHER, "affine", tracking_uid="2.25.77")
        made.marks.add_tracks(series, [track])
        assert marked.tracking_uid
        yield made


@pytest.mark.long
def test_a_reader_stores_what_was_looked_at_once(server: Server, series: str, tmp_path: Path) -> None:
    done = server.store(series)
    assert done["left_out"] == ["lesion_2: no reader has looked at it in this study"]
    assert [path for path, _ in server.pacs.posted] == [f"/dicom-web/studies/{_study_uid(series, server)}"]
    stored = server.stored
    assert set(stored) == {ComprehensiveSRStorage, SegmentationStorage}
    assert sorted(done["stored"]) == sorted(str(one.SOPInstanceUID) for one in stored.values())
    content = hd.sr.srread(BytesIO(_bytes(stored[ComprehensiveSRStorage]))).content
    (group,) = content.get_planar_roi_measurement_groups()
    assert group.tracking_uid == server.marks.lesions(series)[0].tracking_uid
    assert group.get_measurements()[0].value == pytest.approx(16.0, abs=1.2)
    again = Server(server.pacs, tmp_path, pacs_write=True).store(series)
    assert (again["stored"], sorted(again["there"])) == ([], sorted(done["stored"]))
    assert again["done"].startswith("the PACS has these results already")
    assert len(server.pacs.posted) == 1


def _study_uid(series: str, server: Server) -> str:
    return str(pydicom.dcmread(next(server.pacs.folder.glob("*.dcm"))).StudyInstanceUID)


def _bytes(dataset: pydicom.Dataset) -> bytes:
    file = BytesIO()
    dataset.save_as(file, write_like_original=False)
    return file.getvalue()


def test_nothing_is_written_where_it_is_not_allowed_or_nobody_asks(server: Server, series: str, tmp_path: Path) -> None:
    off = Server(server.pacs, tmp_path, pacs_write=False)
    assert "pacs_write true" in off.store(series, 409)["detail"]
    assert "say who you are" in server.store(series, 422, reader="")["detail"]
    assert off.http.post("/lesions/store", data={"study": series}).status_code == 415
    for what in ("report", "masks"):
        assert off.http.get(f"/lesions/{what}.dcm", params={"study": series}).status_code == 200
    assert Settings().pacs_write is False
    assert server.pacs.posted == []


def test_a_download_has_also_what_nobody_looked_at_and_says_so(server: Server, series: str) -> None:
    answer = server.http.get("/lesions/report.dcm", params={"study": series})
    assert answer.headers["content-type"] == "application/dicom"
    groups = hd.sr.srread(BytesIO(answer.content)).content.get_planar_roi_measurement_groups()
    said = {
        group.finding_type.meaning: [one.value.meaning for one in group.get_qualitative_evaluations()]
        for group in groups
    }
    assert said == {"lesion_1": ["there"], "lesion_2": ["there", "not yet: found by software"]}


FAILURES: dict[Stores, str] = {
    "refuses": "did not take instance",
    "is full": "with status 507",
    "loses": "answered 200 and does not have instance",
    "breaks off": "gave no answer to what was to be stored",
}


@pytest.mark.long
@pytest.mark.parametrize("stores", FAILURES)
def test_a_failure_says_so_and_loses_nothing(server: Server, series: str, stores: Stores) -> None:
    before = server.marks.lesions(series)
    server.pacs.speaks = Dialect(stores=stores)
    assert FAILURES[stores] in server.store(series, 502)["detail"]
    assert server.stored == {}
    assert server.marks.lesions(series) == before
    server.pacs.speaks = Dialect()
    assert len(server.store(series)["stored"]) == 2
    assert len(server.pacs.posted) == 2


def test_what_was_taken_is_not_sent_again(server: Server, series: str) -> None:
    server.pacs.speaks = Dialect(stores="the first")
    assert "(reason 42752)" in server.store(series, 502)["detail"]
    server.pacs.speaks = Dialect(stores="says nothing")
    done = server.store(series)
    assert (len(done["stored"]), len(done["there"])) == (1, 1)
    assert len(server.stored) == 2


@pytest.mark.pacs
@needs_orthanc
def test_orthanc_takes_them_once(server: Server, series: str, drawn: Any, orthanc: Orthanc, tmp_path: Path) -> None:
    orthanc.send(drawn[1])
    pacs = pacs_on(orthanc.dicom_web, tmp_path / "orthanc")
    files = [server.http.get(f"/lesions/{what}.dcm", params={"study": series}).content for what in ("report", "masks")]
    made = [pydicom.dcmread(BytesIO(file)) for file in files]
    sent = [
        Instance(*(str(one[name].value) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")), file)
        for one, file in zip(made, files, strict=True)
    ]
    assert set(store(pacs.web, sent).values()) == {True}
    assert set(store(pacs.web, [replace(one, file=b"") for one in sent]).values()) == {False}
    for one in made:
        (stored,) = orthanc.instances(str(one.SeriesInstanceUID))
        assert pydicom.dcmread(BytesIO(stored)).SOPInstanceUID == one.SOPInstanceUID
