"""The catalog of a folder: ids, patients, what a request adds to them, and which study is the baseline."""

import dataclasses
from pathlib import Path

import pytest

from lesion_tracker.errors import InputError, NotFound, StudyError, StudyOrderError
from lesion_tracker.studies.folder_catalog import FolderCatalog
from tests.studies.listed import Listed

NAMES = ("ann__20200101", "ann__20200701", "ann__20210101", "bob__20200101", "loose")


@pytest.fixture
def listed(tmp_path: Path) -> Listed:
    for name in NAMES:
        (tmp_path / f"{name}.nii.gz").write_bytes(b"")
    return Listed(tmp_path, *NAMES)


@pytest.fixture
def catalog(listed: Listed) -> FolderCatalog:
    return FolderCatalog(listed)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "http://x/y", "a\0", None, 7, ["loose"]])
def test_what_is_no_id_is_refused(catalog: FolderCatalog, name: object) -> None:
    with pytest.raises(InputError, match="not by a path or URL"):
        catalog.study(name)


def test_an_id_that_nothing_has_is_not_found(catalog: FolderCatalog) -> None:
    with pytest.raises(NotFound, match="no study 'cid__20200101' in this datastore"):
        catalog.study("cid__20200101")


def test_studies_belong_to_their_patients(catalog: FolderCatalog) -> None:
    assert catalog.ids() == sorted(NAMES)
    assert [study.id for study in catalog.of_patient("ann")] == list(NAMES[:3])
    assert catalog.of_patient("") == []
    assert catalog.study("loose").patient_id == ""


def test_a_malformed_date_hides_only_its_own_study(catalog: FolderCatalog, listed: Listed) -> None:
    listed.info["ann__20200701"] = {"date": "yesterday"}
    assert [study.id for study in catalog.studies()] == sorted(set(NAMES) - {"ann__20200701"})


def test_a_request_adds_patient_and_date_once_and_contradicts_nothing(catalog: FolderCatalog) -> None:
    catalog.with_patient(catalog.study("loose"), "cid", "2022-03-01")
    known = catalog.study("loose")
    assert (known.patient_id, known.study_date) == ("cid", "20220301")
    with pytest.raises(InputError, match="the patient of study 'loose' is 'cid', but the request says 'dea'"):
        catalog.with_patient(known, "dea")
    with pytest.raises(InputError, match="the date of study 'loose' is '20220301'"):
        catalog.with_patient(known, "cid", "20220302")


def test_the_newest_earlier_marked_study_is_the_baseline(catalog: FolderCatalog) -> None:
    third = catalog.study("ann__20210101")
    assert catalog.baseline_of(third, lambda name: True).id == "ann__20200701"
    assert catalog.baseline_of(third, lambda name: name == "ann__20200101").id == "ann__20200101"
    with pytest.raises(StudyOrderError, match=r"other studies of this patient: .*'ann__20200101'.*baseline_image"):
        catalog.baseline_of(third, lambda name: False)


def test_later_studies_are_registered_in_the_order_of_time(catalog: FolderCatalog) -> None:
    assert [study.id for study, _ in catalog.to_register(catalog.study("ann__20200101"))] == list(NAMES[1:3])


def test_series_of_one_study_are_siblings(catalog: FolderCatalog, listed: Listed) -> None:
    for name in ("ann__20200101", "loose"):
        listed.info[name] = {"StudyInstanceUID": "1.2", "PatientID": "ann"}
    assert [study.id for study in catalog.siblings(catalog.study("ann__20200101"))] == ["loose"]
    assert catalog.siblings(catalog.study("bob__20200101")) == []


def test_a_file_that_is_gone_is_replaced_by_nothing(catalog: FolderCatalog) -> None:
    study = catalog.study("bob__20200101")
    assert (catalog.is_gone(study), catalog.has_files(study)) == (False, True)
    lost = dataclasses.replace(study, path=study.path.with_name("lost.nii.gz"))
    assert (catalog.is_gone(lost), catalog.has_files(lost)) == (True, False)
    with pytest.raises(StudyError, match="its file is gone"):
        catalog.replacement(lost)
