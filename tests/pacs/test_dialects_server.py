"""A real server before PACS of other habits than Orthanc's: the sample's lesion is found where it really is."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import requests

from lesion_tracker.pacs.series_state import MEMO_S
from lesion_tracker.volumes.reader import read_volume
from tests.pacs.dialects import Dialect, DialectPacs
from tests.pacs.orthanc import drawn_series
from tests.pacs.small import small_volume
from tests.server.conftest import ROOT, Server, start_server, stop, wait_until_ready

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]

STUDIES = ROOT / "sample-data" / "studies"
LESION = {"id": "lesion_1", "center_mm": [56.4, 86.3, -116.0], "radius_mm": 12.3}
FOUND_MM = np.array([71.7, 55.2, -13.7])
"""Where affine registration puts the sample's lesion in its follow-up; it is really at (68.1, 54.4, -13.4)."""

TOLERANCE_MM = 1.0
CORRECTED_MM = 40.0


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DialectPacs]:
    """Return a stand-in for a PACS with the sample patient, whose PatientID has to be encoded."""
    folder = tmp_path_factory.mktemp("dialects")
    for study, file, date in (
        ("base", "LIDC-IDRI-0001__20000101", "20200101"),
        ("fu", "LIDC-IDRI-0001__20000401__constructed", "20200401"),
    ):
        volume = read_volume(STUDIES / f"{file}.nii.gz")
        drawn_series(folder / study, volume, patient="P 1", study=study, series="s", date=date)
    with DialectPacs(folder).running() as running:
        yield running


@pytest.fixture(scope="module")
def server(stub: DialectPacs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server on it."""
    folder = tmp_path_factory.mktemp("server-on-dialects")
    conf = {"method": "affine", "background": "false", "data_dir": str(folder / "data")}
    more = {"MONAI_LABEL_DICOMWEB_CACHE_PATH": str(folder / "cache")}
    log = folder / "server.log"
    process, url = start_server(stub.dicom_web, log, conf, more)
    try:
        wait_until_ready(process, url, log)
        yield Server(url, folder, process.pid, log)
    finally:
        stop(process)


def _uid(stub: DialectPacs, study: str) -> str:
    return str(pydicom.dcmread(next((stub.folder / study).rglob("*.dcm")), stop_before_pixels=True).SeriesInstanceUID)


def _post(server: Server, model: str, image: str, **params: Any) -> requests.Response:
    return server.infer(model, image, json.dumps(params), output="json")


def _tracked(server: Server, stub: DialectPacs) -> dict[str, Any]:
    answer = _post(server, "track_lesion", _uid(stub, "fu"))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


DIALECTS = {
    "limits up to 200, no wildcards": Dialect(most=200, wildcards=False),
    "no wildcards": Dialect(wildcards=False),
    "one answer a page": Dialect(page=1, brief=True, packed=True),
    "one answer a page without a word": Dialect(page=1, says_more=False, form="no end"),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_the_lesion_is_found_on_servers_that_limit_and_page(server: Server, stub: DialectPacs, name: str) -> None:
    stub.speaks = DIALECTS[name]
    marked = _post(server, "mark_lesion", _uid(stub, "base"), lesions=[LESION])
    assert marked.status_code == 200, marked.text
    answer = _tracked(server, stub)
    assert answer["baseline_image"] == _uid(stub, "base")
    np.testing.assert_allclose(answer["tracks"][0]["center_mm"], FOUND_MM, atol=TOLERANCE_MM)


def test_a_series_that_the_pacs_sends_again_corrected_is_tracked_where_it_lies_now(
    server: Server, stub: DialectPacs
) -> None:
    stub.speaks = Dialect()
    assert _post(server, "mark_lesion", _uid(stub, "base"), lesions=[LESION]).status_code == 200
    np.testing.assert_allclose(_tracked(server, stub)["tracks"][0]["center_mm"], FOUND_MM, atol=TOLERANCE_MM)
    for file in (stub.folder / "fu").rglob("*.dcm"):
        data = pydicom.dcmread(file)
        data.ImagePositionPatient[2] = float(data.ImagePositionPatient[2]) + CORRECTED_MM
        data.save_as(file)
    time.sleep(MEMO_S + 0.2)
    right = FOUND_MM + np.array([0.0, 0.0, CORRECTED_MM])
    np.testing.assert_allclose(_tracked(server, stub)["tracks"][0]["center_mm"], right, atol=TOLERANCE_MM)


PEOPLE = {
    "issuer": ({"IssuerOfPatientID": "HOSPITAL A"}, {"IssuerOfPatientID": "HOSPITAL B"}),
    "sex": ({"PatientSex": "M", "PatientName": "Doe^John"}, {"PatientSex": "F", "PatientName": "Roe^Jane"}),
}


@pytest.mark.parametrize("fact", PEOPLE)
def test_two_people_with_one_patient_id_are_not_tracked_into_each_other(
    server: Server, stub: DialectPacs, fact: str
) -> None:
    stub.speaks = Dialect()
    uids = []
    for number, facts in enumerate(PEOPLE[fact]):

        def change(data: Any, _: int, facts: dict[str, str] = facts) -> bool:
            for name, value in facts.items():
                setattr(data, name, value)
            return True

        names = {"patient": f"1001 {fact}", "study": f"{fact} {number}", "date": f"2020010{number + 1}"}
        uid, _ = drawn_series(stub.folder / "people", small_volume(), series="s", change=change, **names)
        uids.append(uid)
    mark = {"id": "lesion_1", "center_mm": [0.0, 5.0, 15.0], "radius_mm": 5.0}
    assert _post(server, "mark_lesion", uids[0], lesions=[mark]).status_code == 200
    refused = _post(server, "track_lesion", uids[1])
    assert refused.status_code == 422, refused.text
    one, other = (facts[next(iter(facts))] for facts in PEOPLE[fact])
    for text in (fact, f"{one!r} in the baseline, {other!r} in the follow-up"):
        assert text in refused.json()["detail"]


def test_the_server_had_no_fault(server: Server) -> None:
    assert "Traceback" not in Path(server.log).read_text()
