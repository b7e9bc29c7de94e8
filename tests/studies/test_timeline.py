"""Whose study it is, when it was, and which came earlier."""

from itertools import permutations
from pathlib import Path

import pytest

from lesion_tracker.errors import FileFormatError, StudyOrderError
from lesion_tracker.studies.study import Study, parse_date, parse_time, study_id_of
from lesion_tracker.studies.timeline import earlier_studies, order_studies, study_of
from tests.volumes.made import plain, write_series


def study(name, date="20240101", patient="P1", **more):
    return Study(name, Path(f"{name}.nii.gz"), patient, date, **more)


def table(folder, text):
    for name in ("a.nii.gz", "b.nrrd"):
        (folder / name).touch()
    (folder / "studies.csv").write_text(text, encoding="utf-8")
    return folder / "a.nii.gz"


# where patient and date come from


def test_the_name_rule():
    found = study_of(Path("P7__20240131.nii.gz"))
    assert (found.id, found.patient_id, found.study_date, found.series) == ("P7__20240131", "P7", "20240131", "")
    assert found.source == "name"
    assert study_of(Path("P7__20240131__thin__soft.nrrd")).series == "thin__soft"


@pytest.mark.parametrize("name", ["scan.nii.gz", "P7__baseline.nii.gz", "P7_20240131.nii.gz", "__20240131.nii.gz"])
def test_other_names_say_nothing(name):
    found = study_of(Path(name))
    assert (found.patient_id, found.study_date, found.source) == ("", "", "unknown")


def test_the_table(tmp_path):
    path = table(tmp_path, "image,patient,date,series\na.nii.gz,P1,2024-01-31,thin\nb,P2,20230101,\n")
    found = study_of(path)
    assert (found.patient_id, found.study_date, found.series, found.source) == ("P1", "20240131", "thin", "csv")
    assert study_of(tmp_path / "b.nrrd").patient_id == "P2"


def test_a_table_elsewhere(tmp_path):
    table(tmp_path, "image,patient,date\na,P1,20240131\n")
    assert study_of(Path("/nowhere/a.mha"), tmp_path / "studies.csv").patient_id == "P1"


def test_a_table_as_spreadsheets_write_it(tmp_path):
    path = table(tmp_path, '\ufeffImage,Patient,Date\r\n"a.nii.gz","Doe, Jane",20240131\r\n,,\r\n')
    assert study_of(path).patient_id == "Doe, Jane"


def test_dicom_headers(tmp_path):
    write_series(plain(), tmp_path / "s", AcquisitionTime="1201", SeriesDescription="thin")
    found = study_of(tmp_path / "s")
    assert (found.id, found.patient_id, found.study_date, found.source) == ("s", "P1", "20240131", "dicom")
    assert (found.study_time, found.acquisition_time, found.series) == ("120000", "120100", "thin")
    assert "" not in (found.study_uid, found.series_uid, found.frame_of_reference_uid)


def test_odd_dicom_times_are_passed_over(tmp_path):
    write_series(plain(), tmp_path / "s", StudyTime="")
    assert study_of(tmp_path / "s").study_time == ""


def test_the_upload():
    found = study_of(Path("x.nii.gz"), upload={"PatientID": "P3", "StudyDate": 20240131, "client_id": "user"})
    assert (found.patient_id, found.study_date, found.source) == ("P3", "20240131", "upload")
    found = study_of(Path("x.nii.gz"), upload={"patient": "P4", "date": "2024-01-31", "time": "09:15", "series": ""})
    assert (found.patient_id, found.study_date, found.study_time) == ("P4", "20240131", "091500")


def test_upload_before_table_before_headers_before_name(tmp_path):
    folder = tmp_path / "NAME__20200101"
    write_series(plain(), folder, PatientID="DICOM", StudyDate="20210101")
    assert (study_of(folder).patient_id, study_of(folder).study_date) == ("DICOM", "20210101")
    (tmp_path / "studies.csv").write_text("image,patient,date\nNAME__20200101,CSV,20220101\n")
    assert (study_of(folder).patient_id, study_of(folder).source) == ("CSV", "csv")
    found = study_of(folder, upload={"patient": "UPLOAD", "date": "20230101"})
    assert (found.patient_id, found.study_date, found.source) == ("UPLOAD", "20230101", "upload")
    assert found.study_uid  # what only the headers know stays


def test_an_empty_field_falls_to_the_next_source(tmp_path):
    folder = tmp_path / "NAME__20200101"
    write_series(plain(), folder, PatientID="DICOM", StudyDate="")
    found = study_of(folder)
    assert (found.patient_id, found.study_date, found.source) == ("DICOM", "20200101", "name")


# what is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,patient\na,P1\n", r"row 1: the column 'date' is missing, the columns are \['image', 'patient'\]"),
        ("image;patient;date\na;P1;20240131\n", r"row 1: the column 'image' is missing.*separated by commas"),
        ("", "row 1: the column 'image' is missing"),
        ("image,patient,date,age\na,P1,20240131,7\n", "row 1: unknown or repeated columns"),
        (
            "image,patient,date\na,P1,20240131\na.nii.gz,P1,20240201\n",
            r"row 3: the image 'a\.nii\.gz' is already in row 2",
        ),
        ("image,patient,date\na,P1,20240231\n", "row 2: '20240231' is no date"),
        ("image,patient,date\na,P1,31.01.2024\n", r"row 2: '31\.01\.2024' is no date; write YYYYMMDD"),
        ("image,patient,date\na,,20240131\n", "row 2: the cell 'patient' is empty"),
        ("image,patient,date\na,P1\n", "row 2: 2 cells for 3 columns"),
        ('image,patient,date\na,"P1,20240131\n', "row 2: not a CSV line"),
    ],
)
def test_a_malformed_table(text, message, tmp_path):
    path = table(tmp_path, text)
    with pytest.raises(FileFormatError, match=rf"^studies\.csv, {message}"):
        study_of(path)


@pytest.mark.parametrize("row", ["zzz.nii,P1,20240131", "../a,P9,20240131", "removed,P1,2024-01-31"])
def test_a_row_without_its_image_is_passed_over(row, tmp_path, caplog):
    """A study that was removed leaves its row behind, which must not take the others with it."""
    caplog.set_level("INFO")
    path = table(tmp_path, f"image,patient,date\na,P1,20240131\n{row}\n")
    assert (study_of(path).patient_id, study_of(path).study_date) == ("P1", "20240131")
    assert caplog.text.count(f"row 3 is passed over: there is no image {row.split(',')[0]!r}") == 1


def test_a_table_in_another_encoding(tmp_path):
    path = table(tmp_path, "")
    (tmp_path / "studies.csv").write_bytes("image,patient,date\na,M\u00fcller,20240131\n".encode("latin-1"))
    with pytest.raises(FileFormatError, match="not UTF-8"):
        study_of(path)


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(FileFormatError, match=r"there is no file none\.csv"):
        study_of(tmp_path / "a.nii.gz", tmp_path / "none.csv")


@pytest.mark.parametrize("date", ["20241301", "20240230", "2024-1-3", "yesterday", "240131"])
def test_an_invalid_date(date):
    with pytest.raises(FileFormatError, match=f"'{date}' is no date"):
        study_of(Path("x.nii.gz"), upload={"patient": "P1", "date": date})


def test_an_invalid_date_in_a_name():
    with pytest.raises(FileFormatError, match="'20241331' is no date"):
        study_of(Path("P1__20241331.nii.gz"))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("09", "090000"),
        ("0915", "091500"),
        ("09:15:30", "091530"),
        ("091530.250000", "091530.25"),
        ("235959.000", "235959"),
    ],
)
def test_times(text, time):
    assert parse_time(text) == time


@pytest.mark.parametrize("text", ["", "25", "0960", "noon", "9:15"])
def test_invalid_times(text):
    with pytest.raises(FileFormatError, match="is no time"):
        parse_time(text)


def test_dates():
    assert parse_date("2024-02-29") == parse_date("2024.02.29") == parse_date("20240229") == "20240229"


@pytest.mark.parametrize(
    ("name", "expected"), [("a.b.nii.gz", "a.b"), ("A.NRRD", "A"), ("folder", "folder"), ("1.2.840.5", "1.2.840.5")]
)
def test_ids(name, expected):
    assert study_id_of(Path(name)) == expected


# order


def test_dates_then_study_times_then_acquisition_times_decide():
    in_order = [
        study("a", "20230101", study_time="230000"),
        study("b", "20240101", study_time="080000", acquisition_time="090000"),
        study("c", "20240101", study_time="080000", acquisition_time="090000.5"),
        study("d", "20240101", study_time="080001", acquisition_time="070000"),
    ]
    for mixed in permutations(in_order):
        assert order_studies(mixed) == in_order


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"study_time": "080000"}, {}),
        ({"study_time": "080000"}, {"study_time": "080000"}),
        ({"study_time": "080000", "acquisition_time": "09"}, {"study_time": "080000"}),
        ({"study_uid": "1.2"}, {"study_uid": "1.3"}),
    ],
)
def test_what_is_open_is_not_guessed(one, other):
    a, b, c = study("a", **one), study("b", **other), study("c", "20200101")
    with pytest.raises(
        StudyOrderError, match=r"cannot be decided: 'a' \(patient P1, 20240101.*'b' .*baseline_image"
    ) as error:
        order_studies([a, c, b])
    assert "'c'" not in str(error.value)


def test_a_study_without_a_date_is_open():
    with pytest.raises(StudyOrderError, match=r"'b' \(patient P1, no date"):
        order_studies([study("a"), study("b", "")])


def test_several_patients_have_no_order():
    with pytest.raises(StudyOrderError, match=r"several patients: 'a' \(patient P1.*'b' \(patient P2"):
        order_studies([study("a"), study("b", patient="P2")])


def test_earlier_studies_of_the_same_patient():
    first, second, third = study("a", "20220101"), study("b", "20230101"), study("c", "20240101")
    other = study("x", "20210101", patient="P2")
    assert earlier_studies(third, [third, second, other, first]) == [first, second]
    assert earlier_studies(first, [third, second, other, first]) == []


def test_series_of_one_study_are_not_earlier():
    thin = study("a", study_uid="1.2", acquisition_time="090000")
    thick = study("b", study_uid="1.2", acquisition_time="080000")
    assert earlier_studies(thin, [thin, thick]) == []
    assert order_studies([thin, thick]) == [thick, thin]


def test_series_of_a_table_are_told_apart_by_name():
    thin, thick, before = study("a", series="thin"), study("b", series="thick"), study("c", "20200101", series="thin")
    assert earlier_studies(thin, [thick, before]) == [before]
    with pytest.raises(StudyOrderError):
        earlier_studies(thin, [study("d", series="thin")])


def test_an_open_order_against_the_follow_up_asks_for_the_baseline():
    with pytest.raises(StudyOrderError, match="name the earlier one in the request as baseline_image"):
        earlier_studies(study("a"), [study("b")])


def test_an_unknown_patient_asks_for_the_baseline():
    with pytest.raises(
        StudyOrderError, match=r"the patient of this study is not known: 'a' \(patient unknown.*baseline_image"
    ):
        earlier_studies(study("a", patient=""), [study("b", patient="")])
