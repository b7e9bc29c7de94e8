"""DICOMweb as servers speak it: what is there is found and read whole, what is cut is never taken for the whole."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest

from lesion_tracker.errors import PacsError
from lesion_tracker.pacs import series_state
from lesion_tracker.pacs.dicomweb import DicomWeb
from lesion_tracker.pacs.pacs import Pacs
from lesion_tracker.volumes.dicom_series import read_dicom_series
from lesion_tracker.volumes.dicom_writer import uid_of
from tests.pacs.conftest import pacs_on
from tests.pacs.dialects import Dialect, DialectPacs
from tests.pacs.orthanc import drawn_series
from tests.pacs.small import small_volume

PATIENT = "P 1/Ä"
"""Has to be encoded, and is matched by the wildcards of another patient's."""

SLICES = 4

Change = Callable[[Any, int], bool]


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[DialectPacs]:
    """Return a server with three studies of one patient and one of another."""
    for study, patient in (("one", PATIENT), ("two", PATIENT), ("three", PATIENT), ("other", "P_1_B")):
        _store(tmp_path, study, patient)
    with DialectPacs(tmp_path / "stored").running() as running:
        yield running


def _store(tmp_path: Path, study: str, patient: str = PATIENT, change: Change | None = None) -> str:
    uid, _ = drawn_series(
        tmp_path / "stored",
        small_volume(SLICES),
        patient=patient,
        study=study,
        series="s",
        date="20200101",
        change=change,
    )
    return uid


def _uid(study: str) -> str:
    return uid_of("tests", study, "s")


LISTING = {
    "limits up to 200, no wildcards (Azure)": Dialect(most=200, wildcards=False),
    "limits up to 12": Dialect(most=12),
    "limits up to 5": Dialect(most=5),
    "one answer a page, and says so": Dialect(page=1),
    "two answers a page, and does not say so": Dialect(page=2, says_more=False),
    "no offset": Dialect(offset=False),
    "no limit": Dialect(limit=False),
    "no pages": Dialect(limit=False, offset=False),
    "no wildcards (Google)": Dialect(wildcards=False),
    "does not decode (Orthanc 1.10)": Dialect(decodes=False),
    "no further fields": Dialect(fields=False),
    "no further fields, limits up to 20": Dialect(fields=False, most=20),
    "an empty list": Dialect(empty=200),
    "no counts": Dialect(counts=False),
    "brief, compressed, small letters": Dialect(brief=True, packed=True, lower=True),
}


@pytest.mark.parametrize("name", LISTING)
def test_all_studies_of_a_patient_are_found_and_read(stub: DialectPacs, tmp_path: Path, name: str) -> None:
    stub.speaks = LISTING[name]
    pacs = pacs_on(stub.dicom_web, tmp_path)
    study = pacs.study(_uid("one"))
    assert study is not None
    assert (study.patient_id, study.study_date) == (PATIENT, "20200101")
    assert {other.id for other in pacs.timeline(study)} == {_uid("one"), _uid("two"), _uid("three")}
    assert read_dicom_series(pacs.fetch(study)).grid.size[2] == SLICES
    assert pacs.study("1.2.3") is None


def test_a_form_of_the_question_that_was_accepted_is_asked_first(stub: DialectPacs) -> None:
    stub.speaks = Dialect(most=50)
    web = DicomWeb(stub.dicom_web)
    for _ in range(2):
        assert len(web.search("studies", {})) == 4
    assert [path.rpartition("limit=")[2] for path in stub.asked] == [
        "200&offset=0",
        *("50&offset=0", "50&offset=4", "50&offset=0", "50&offset=4"),
    ]


def test_one_match_costs_one_question(stub: DialectPacs, tmp_path: Path) -> None:
    pacs_on(stub.dicom_web, tmp_path).study(_uid("one"))
    assert len(stub.asked) == 1


@pytest.mark.parametrize("most", [0, 1])
def test_a_page_that_is_cut_is_not_taken_for_the_whole(stub: DialectPacs, most: int) -> None:
    stub.speaks = Dialect(page=2, offset=False, most=most)
    with pytest.raises(PacsError, match="keeps back a part of its answer to studies"):
        DicomWeb(stub.dicom_web).search("studies", {})


def test_a_query_that_is_refused_in_every_form_is_said(stub: DialectPacs) -> None:
    stub.speaks = Dialect(most=1, fields=False, page=1, offset=False)
    with pytest.raises(PacsError, match="keeps back"):
        DicomWeb(stub.dicom_web).search("studies", {}, ("StudyDate",))


WHOLE = (
    *("plain", "quoted", "upper case", "spaces", "boundary first", "preamble", "line feeds", "no header"),
    *("no blank line", "parameters", "no end"),
)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", WHOLE)
def test_files_arrive_byte_by_byte_in_every_form(stub: DialectPacs, tmp_path: Path, form: Any, packed: bool) -> None:
    stub.speaks = Dialect(form=form, packed=packed)
    pacs = pacs_on(stub.dicom_web, tmp_path)
    study = pacs.study(_uid("one"))
    assert study is not None
    arrived = [file.read_bytes() for file in sorted(pacs.fetch(study).glob("*.dcm"))]
    stored = [file.read_bytes() for file in sorted((tmp_path / "stored" / "one").rglob("*.dcm"))]
    assert arrived == stored


CUT = {
    "cut in the last file": "ends before its last DICOM file",
    "cut between files": f"announced {SLICES} files of series .* and sent {SLICES - 1}: is the study still arriving",
    "one file": f"announced {SLICES} files of series .* and sent 1",
    "an error among the files": "sent 'text/plain' among the DICOM files",
}


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize("form", CUT)
def test_a_series_that_is_cut_is_not_kept(stub: DialectPacs, tmp_path: Path, form: Any, counts: bool) -> None:
    stub.speaks = Dialect(form=form, counts=counts)
    pacs = pacs_on(stub.dicom_web, tmp_path)
    study = pacs.study(_uid("one"))
    assert study is not None
    with pytest.raises(PacsError, match=CUT[form]):
        pacs.fetch(study)
    assert list((tmp_path / "cache" / "entries").iterdir()) == []


def _later(pacs: Pacs) -> None:
    """Let the answers of the PACS count no more, as after MEMO_S."""
    assert series_state.MEMO_S < 5.0
    pacs._states._known.clear()
    pacs._timelines.clear()


def _moved(data: Any) -> None:
    data.ImagePositionPatient = [*data.ImagePositionPatient[:2], float(data.ImagePositionPatient[2]) + 40.0]


def _numbered_anew(data: Any) -> None:
    uid = data.SOPInstanceUID
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = uid[:-1] + str((int(uid[-1]) + 5) % 10)


def _made_later(data: Any) -> None:
    data.InstanceCreationTime = "235959"


def _brighter(data: Any) -> None:
    data.PixelData = bytes(len(data.PixelData))


@pytest.mark.parametrize(
    ("correct", "dialect"),
    [
        (_moved, Dialect()),
        (_numbered_anew, Dialect(counts=False)),
        (_made_later, Dialect()),
        (_brighter, Dialect(etag=True)),
    ],
)
def test_a_series_that_was_sent_again_corrected_is_fetched_again(
    stub: DialectPacs, tmp_path: Path, correct: Callable[[Any], None], dialect: Dialect
) -> None:
    stub.speaks = dialect
    pacs = pacs_on(stub.dicom_web, tmp_path)
    study = pacs.study(_uid("one"))
    assert study is not None
    pacs.fetch(study)
    _later(pacs)
    pacs.fetch(study)
    assert stub.downloads == 1
    for file in (tmp_path / "stored" / "one").rglob("*.dcm"):
        data = pydicom.dcmread(file)
        correct(data)
        data.save_as(file)
    _later(pacs)
    folder = pacs.fetch(study)
    assert stub.downloads == 2
    stored = [file.read_bytes() for file in sorted((tmp_path / "stored" / "one").rglob("*.dcm"))]
    assert [file.read_bytes() for file in sorted(folder.glob("*.dcm"))] == stored


def test_the_frame_of_reference_is_the_present_one(stub: DialectPacs, tmp_path: Path) -> None:
    pacs = pacs_on(stub.dicom_web, tmp_path)
    study = pacs.study(_uid("one"))
    assert study is not None
    pacs.fetch(study)
    for file in (tmp_path / "stored" / "one").rglob("*.dcm"):
        data = pydicom.dcmread(file)
        data.FrameOfReferenceUID = "1.2.826.77"
        data.save_as(file)
    _later(pacs)
    again = pacs.study(_uid("one"))
    assert again is not None
    assert pacs.frame_of(again) == "1.2.826.77"


@pytest.mark.parametrize("dialect", [Dialect(), Dialect(counts=False), Dialect(gone=200), Dialect(gone=204)])
def test_of_a_series_that_is_gone_the_copy_counts(stub: DialectPacs, tmp_path: Path, dialect: Dialect) -> None:
    stub.speaks = dialect
    pacs = pacs_on(stub.dicom_web, tmp_path)
    study = pacs.study(_uid("one"))
    assert study is not None
    folder = pacs.fetch(study)
    for file in (tmp_path / "stored" / "one").rglob("*.dcm"):
        file.unlink()
    _later(pacs)
    assert pacs.fetch(study) == folder
    assert len(list(folder.glob("*.dcm"))) == SLICES


def test_headers_of_a_series_that_is_listed_are_not_done_without(stub: DialectPacs, tmp_path: Path) -> None:
    pacs = pacs_on(stub.dicom_web, tmp_path)
    study = pacs.study(_uid("one"))
    assert study is not None
    pacs.fetch(study)
    _later(pacs)
    stub.speaks = Dialect(headers=False)
    with pytest.raises(PacsError, match="with status 404"):
        pacs.fetch(study)


@pytest.mark.parametrize("packed", [False, True])
def test_answers_are_limited_in_bytes(stub: DialectPacs, tmp_path: Path, packed: bool) -> None:
    stub.speaks = Dialect(packed=packed)
    small = DicomWeb(stub.dicom_web, answer_mb=0.001, series_mb=0.001)
    with pytest.raises(PacsError, match=r"sends more than the 0\.001 MiB that are accepted"):
        small.search("series", {})
    study = pydicom.dcmread(next((tmp_path / "stored" / "one").rglob("*.dcm"))).StudyInstanceUID
    with pytest.raises(PacsError, match="sends more than"):
        small.metadata(study, _uid("one"))
    (tmp_path / "to").mkdir()
    with pytest.raises(PacsError, match="sends more than"):
        small.download(study, _uid("one"), tmp_path / "to")
    assert list((tmp_path / "to").iterdir()) == []


def _person(**facts: str) -> Change:
    def change(data: Any, number: int) -> bool:
        for name, value in facts.items():
            setattr(data, name, value)
        return True

    return change


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"IssuerOfPatientID": "HOSPITAL A"}, {"IssuerOfPatientID": "HOSPITAL B"}),
        ({"PatientSex": "M"}, {"PatientSex": "F"}),
        ({"PatientBirthDate": "19500101"}, {"PatientBirthDate": "19610101"}),
    ],
)
def test_two_people_with_one_patient_id_are_two(tmp_path: Path, one: dict[str, str], other: dict[str, str]) -> None:
    first = _store(tmp_path, "first", "1001", _person(**one))
    second = _store(tmp_path, "second", "1001", _person(**other))
    with DialectPacs(tmp_path / "stored").running() as stub:
        pacs = pacs_on(stub.dicom_web, tmp_path)
        for uid in (first, second):  # one directly after the other: nothing is remembered of the wrong person
            study = pacs.study(uid)
            assert study is not None
            assert [found.id for found in pacs.timeline(study)] == [uid]
            (stranger,) = pacs.others(study)
            assert "is another person's" in stranger
            assert all(value in stranger for value in (*one.values(), *other.values()))


def test_another_name_is_the_same_person(tmp_path: Path) -> None:
    maiden = _store(tmp_path, "first", "1001", _person(PatientName="Doe^Jane"))
    married = _store(tmp_path, "second", "1001", _person(PatientName="Roe^Jane"))
    with DialectPacs(tmp_path / "stored").running() as stub:
        pacs = pacs_on(stub.dicom_web, tmp_path)
        study = pacs.study(married)
        assert study is not None
        assert study.patient_name == "Roe^Jane"
        assert {found.id for found in pacs.timeline(study)} == {maiden, married}
