"""What a real PACS says of a patient's studies: at once, complete, and nobody else's."""

from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.errors import InputError, PacsError, StudyError
from lesion_tracker.pacs.pacs import Pacs
from lesion_tracker.pacs.series_state import MEMO_S
from lesion_tracker.volumes.dicom_series import read_dicom_series
from tests.pacs.conftest import pacs_on
from tests.pacs.orthanc import Orthanc, drawn_series, needs_orthanc
from tests.pacs.small import small_volume

pytestmark = [pytest.mark.pacs, needs_orthanc]


def test_a_study_that_arrives_is_found_and_read_whole(orthanc: Orthanc, pacs: Pacs, tmp_path: Path) -> None:
    volume = small_volume()
    uid, files = drawn_series(tmp_path, volume, patient="arrives", study="a1", series="thin", date="20200101")
    assert pacs.study(uid) is None
    orthanc.send(files)
    study = pacs.study(uid)
    assert study is not None
    assert (study.patient_id, study.study_date, study.study_time) == ("arrives", "20200101", "120000")
    read = read_dicom_series(pacs.fetch(study))
    assert read.grid.equals(volume.grid)
    np.testing.assert_array_equal(read.hu, volume.hu)
    later, files = drawn_series(tmp_path, volume, patient="arrives", study="a2", series="thin", date="20200301")
    before = {other.id for other in pacs.timeline(study)}
    orthanc.send(files)
    pacs._timelines.clear()  # as after MEMO_S
    assert MEMO_S < 60.0
    assert before == {uid}
    assert {other.id for other in pacs.timeline(study)} == {uid, later}


def test_other_patients_and_a_wildcard_are_nobodys_studies(orthanc: Orthanc, pacs: Pacs, tmp_path: Path) -> None:
    ids = {}
    for number, patient in enumerate(("wild*", "wildcat", "Wild*", "wi d/&=+%20ü", "wi+d/&=+%20ü")):
        uid, files = drawn_series(
            tmp_path, small_volume(3), patient=patient, study=f"w{number}", series="s", date="20200101"
        )
        orthanc.send(files)
        ids[patient] = uid
    for uid in ids.values():
        study = pacs.study(uid)
        assert study is not None
        assert [other.id for other in pacs.timeline(study)] == [uid]


def test_another_birth_date_is_another_person(orthanc: Orthanc, pacs: Pacs, tmp_path: Path) -> None:
    uids = []
    for number, birth in enumerate(("19500101", "19610101")):

        def born(dataset: object, number: int, birth: str = birth) -> bool:
            dataset.PatientBirthDate = birth  # type: ignore[attr-defined]
            return True

        uid, files = drawn_series(
            tmp_path,
            small_volume(),
            patient="twice",
            study=f"b{number}",
            series="s",
            date=f"2020010{number + 1}",
            change=born,
        )
        orthanc.send(files)
        uids.append(uid)
    study = pacs.study(uids[0])
    assert study is not None
    assert [other.id for other in pacs.timeline(study)] == [uids[0]]


def test_series_that_are_no_ct_are_refused_before_they_are_fetched(
    orthanc: Orthanc, pacs: Pacs, tmp_path: Path
) -> None:
    uid, files = drawn_series(
        tmp_path, small_volume(), patient="dose", study="d", series="Dose Report", date="20200101", modality="SR"
    )
    orthanc.send(files)
    with pytest.raises(StudyError, match=r"SR, 'Dose Report'\) is not CT: a dose report\?"):
        pacs.study(uid)


def _image_type(*words: str):
    def change(dataset: object, number: int) -> bool:
        dataset.ImageType = list(words)  # type: ignore[attr-defined]
        return True

    return change


def _capture(dataset: object, number: int) -> bool:
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"  # type: ignore[attr-defined]
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"  # type: ignore[attr-defined]
    return number == 0


REFUSED = {
    "localizer": (_image_type("ORIGINAL", "PRIMARY", "LOCALIZER"), "localizer"),
    "mpr": (_image_type("DERIVED", "SECONDARY", "MPR"), "reformatted view"),
    "ge reformat": (_image_type("DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"), "reformatted view"),
    "dose page": (_capture, "screen capture"),
    "gap": (lambda dataset, number: number not in (5, 6), "2 missing slice"),
    "single": (lambda dataset, number: number == 3, "single slice"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_series_that_are_no_scan_are_refused_with_the_reason(
    orthanc: Orthanc, pacs: Pacs, tmp_path: Path, name: str
) -> None:
    change, reason = REFUSED[name]
    uid, files = drawn_series(
        tmp_path, small_volume(), patient=name, study=f"refused {name}", series="s", date="20200101", change=change
    )
    orthanc.send(files)
    study = pacs.study(uid)
    assert study is not None
    assert reason in pacs.quality(study).problem
    with pytest.raises(StudyError, match=reason):
        read_dicom_series(pacs.fetch(study))


def test_a_ct_that_was_derived_otherwise_is_no_reformat(orthanc: Orthanc, pacs: Pacs, tmp_path: Path) -> None:
    change = _image_type("DERIVED", "SECONDARY", "AXIAL", "CT_SOM5 SPI", "COMPRESSED")
    uid, files = drawn_series(
        tmp_path, small_volume(), patient="derived", study="derived", series="s", date="20200101", change=change
    )
    orthanc.send(files)
    study = pacs.study(uid)
    assert study is not None
    assert pacs.quality(study).problem == ""


def test_the_choice_of_a_series_is_by_coverage_then_thickness_and_is_shown(
    orthanc: Orthanc, pacs: Pacs, tmp_path: Path
) -> None:
    series = {
        "thick": small_volume(20, 5.0),  # 100 mm
        "thin": small_volume(48, 2.0),  # 96 mm: long enough
        "thinnest": small_volume(30, 1.0),  # 30 mm: too short
    }
    uids = {}
    for name, volume in series.items():
        uids[name], files = drawn_series(tmp_path, volume, patient="choice", study="c", series=name, date="20200101")
        orthanc.send(files)
    scout, files = drawn_series(
        tmp_path,
        small_volume(60, 5.0),
        patient="choice",
        study="c",
        series="scout",
        date="20200101",
        change=_image_type("ORIGINAL", "PRIMARY", "LOCALIZER"),
    )
    orthanc.send(files)
    study = pacs.study(uids["thick"])
    assert study is not None
    everything = pacs.timeline(study)
    assert {other.id for other in everything} == {*uids.values(), scout}
    chosen, why = pacs.best_of(everything)
    assert chosen.id == uids["thin"]
    assert f"chose series {uids['thin']} (thin: 96 mm in slices 2 mm apart)" in why
    assert "thick: 100 mm in slices 5 mm apart" in why
    assert "localizer" in why
    assert "name another one as baseline_image" in why


def test_a_series_that_grew_is_fetched_again(orthanc: Orthanc, pacs: Pacs, tmp_path: Path) -> None:
    uid, files = drawn_series(tmp_path, small_volume(), patient="grows", study="g", series="s", date="20200101")
    orthanc.send(files[:8])
    study = pacs.study(uid)
    assert study is not None
    assert len(list(pacs.fetch(study).glob("*.dcm"))) == 8
    orthanc.send(files[8:])
    assert pacs.study(uid) is not None
    assert len(list(pacs.fetch(study).glob("*.dcm"))) == 12


def test_an_id_that_is_no_uid_reaches_no_query(pacs: Pacs) -> None:
    for text in ("*", "1.2*", "../../etc", "1.2.3\\1.2.4", "", "1" * 65, "a"):
        with pytest.raises(InputError, match="no series of a PACS"):
            pacs.study(text)


@pytest.mark.parametrize(("login", "reason"), [(None, "wants a login"), (("reader", "wrong"), "refused the login")])
def test_a_login_is_asked_for(tmp_path: Path, login: tuple[str, str] | None, reason: str) -> None:
    guarded = Orthanc(tmp_path / "guarded", {"reader": "secret"})
    guarded.start()
    try:
        with pytest.raises(PacsError, match=f"{reason} .*MONAI_LABEL_DICOMWEB_USERNAME"):
            pacs_on(guarded.dicom_web, tmp_path, login=login).study("1.2.3")  # type: ignore[arg-type]
        assert pacs_on(guarded.dicom_web, tmp_path, login=("reader", "secret")).study("1.2.3") is None  # type: ignore[arg-type]
    finally:
        guarded.stop()


def test_a_series_of_which_fewer_files_come_than_were_announced_is_not_kept(
    orthanc: Orthanc, pacs: Pacs, tmp_path: Path
) -> None:
    uid, files = drawn_series(tmp_path, small_volume(), patient="fewer", study="f", series="s", date="20200101")
    orthanc.send(files)
    study = pacs.study(uid)
    assert study is not None
    orthanc.remove_series(uid)
    orthanc.send(files[:8])
    with pytest.raises(
        PacsError, match=r"announced 12 files of series .* and described 8: is the study still arriving"
    ):
        pacs.fetch(study)
    assert list((tmp_path / "cache" / "entries").iterdir()) == []
    assert pacs.records.ids() == []
