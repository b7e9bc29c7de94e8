"""A folder of studies as people have it, on a real server: links, Mac's files, removed studies, DICOM as exports leave it."""

import io
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import requests
import SimpleITK as sitk

from lesion_tracker.volumes.dicom_writer import uid_of, write_dicom_series
from lesion_tracker.volumes.writer import write_volume
from tests.server.clicks import expected_mm
from tests.server.conftest import ANSWER_S, Server, start_server, stop, wait_until_ready
from tests.server.phantom import PATIENTS, SHIFTS_MM

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

ANN, BOB, CID, DEA = PATIENTS
NEAR_MM = 5.0
"""An affine registration's error on drawn patients is below it."""

LINKS = {"PSEUDO1__20200101": "scan_0001", "PSEUDO1__20210101": "REALNAME__20180101"}
SERIES = {"20200101": "base", "20210101": "follow"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder elsewhere, to which links of the studies' folder lead."""
    folder = tmp_path_factory.mktemp("archive")
    write_volume(ANN.study(), folder / "scan_0001.nii.gz")
    write_volume(ANN.study(SHIFTS_MM["ann"]), folder / "REALNAME__20180101.nii.gz")
    return folder


@pytest.fixture(scope="module")
def folder(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of studies with everything that was seen in one."""
    studies = tmp_path_factory.mktemp("studies") / "studies"
    studies.mkdir()
    for name, target in LINKS.items():
        (studies / f"{name}.nii.gz").symlink_to(archive / f"{target}.nii.gz")
    for name in LINKS:
        (studies / f"._{name}.nii.gz").write_bytes(
            b"\x00\x05\x16\x07" + b"\x00\x02\x00\x00Mac OS X        " + bytes(4072)
        )
    for name, patient, shift in (
        ("a", BOB, (0.0, 0.0, 0.0)),
        ("b", BOB, SHIFTS_MM["bob"]),
        ("c", CID, (0.0, 0.0, 0.0)),
    ):
        write_volume(patient.study(shift), studies / f"{name}.nii.gz")
    rows = "image,patient,date\na,PX,2020-01-01\nb,PX,2020-03-01\nc,PY,2020-03-01\n"
    (studies / "studies.csv").write_text(rows)
    shutil.copy(studies / "a.nii.gz", studies / "P3__20200101.nii.gz")
    write_volume(BOB.study(SHIFTS_MM["bob"]), studies / "P3__20200101.nrrd")
    shutil.copy(studies / "c.nii.gz", studies / "P4__20200401.NII.GZ")
    (studies / "AA__20200101.nii.gz").write_bytes((studies / "c.nii.gz").read_bytes()[:5000])  # a torn copy
    for date, name in SERIES.items():
        _series(studies / "DEA" / name, name, date, (0.0, 0.0, 0.0) if name == "base" else SHIFTS_MM["dea"])
    for number, path in enumerate(sorted((studies / "DEA" / "follow").iterdir())):  # as an export to a disc leaves it
        part = studies / "DEA" / f"DIR{number // 40:03d}"
        part.mkdir(exist_ok=True)
        path.rename(part / path.name)
    (studies / "DEA" / "follow").rmdir()
    for path in _series(studies / "DEA" / "report", "report", "20210101", (0.0, 0.0, 0.0)):
        data = pydicom.dcmread(path)
        data.Modality = "SR"
        data.save_as(path)
    return studies


def _series(folder: Path, name: str, date: str, shift: tuple[float, float, float]) -> list[Path]:
    ids = {"patient_id": "DEA", "study_uid": uid_of(date, "study"), "series_uid": uid_of(name)}
    return write_dicom_series(DEA.study(shift), folder, **ids, study_date=date)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    log = folder.parent / "server.log"
    process, url = start_server(folder, log, {"method": "affine", "background": "false"})
    try:
        wait_until_ready(process, url, log)
        yield Server(url, folder, process.pid, log)
    finally:
        stop(process)


def mark(server: Server, image: str, patient: Any) -> dict[str, Any]:
    center, radius = patient.lesions_mm[0], patient.radii_mm[0]
    lesions = [{"id": "lesion_1", "center_mm": list(center), "radius_mm": radius}]
    answer = server.infer("mark_lesion", image, json.dumps({"lesions": lesions}), output="json")
    assert answer.status_code == 200, answer.text
    return answer.json()


def track(server: Server, image: str) -> Any:
    return server.infer("track_lesion", image, json.dumps({"method": "affine"}), output="json")


def page(server: Server) -> str:
    return requests.get(f"{server.url}/lesions/", timeout=ANSWER_S).text


def listed(server: Server) -> set[str]:
    return set(requests.get(f"{server.url}/datastore/", params={"output": "all"}, timeout=ANSWER_S).json()["objects"])


def test_every_study_is_listed_and_what_is_none_is_said(server: Server) -> None:
    series = {uid_of("base"), uid_of("follow")}
    assert listed(server) == {*LINKS, "a", "b", "c", "P3__20200101", "P4__20200401", "AA__20200101", *series}
    text = page(server)
    for patient in ("PSEUDO1", "PX", "PY", "P4", "DEA"):
        assert f"patient={patient}" in text
    for other in ("REALNAME", "patient=P3", "patient=._"):
        assert other not in text
    for said in (
        "P3__20200101.nii.gz and P3__20200101.nrrd",
        "rename one",
        "DICOM series that are no scans passed over",
    ):
        assert said in text
        assert said in server.log.read_text()


def test_an_id_of_two_files_is_refused_and_says_which(server: Server) -> None:
    answer = track(server, "P3__20200101")
    assert answer.status_code == 422
    assert "it is 2 files, P3__20200101.nii.gz and P3__20200101.nrrd" in answer.text
    download = requests.get(f"{server.url}/datastore/image", params={"image": "P3__20200101"}, timeout=ANSWER_S)
    assert download.status_code == 422
    assert "nobody can tell which is meant" in download.text


def test_a_study_that_cannot_be_read_is_not_offered_for_ever(server: Server) -> None:
    """AA comes first; ._PSEUDO1 would have come before it."""
    for _ in range(2):
        sample = requests.post(f"{server.url}/activelearning/next_study", json={}, timeout=ANSWER_S).json()
        assert sample["id"] == uid_of("base")  # of DEA, the first patient whose study can be read
    assert "next_study passes over AA__20200101" in server.log.read_text()


def test_links_are_studies_of_their_own_names_and_removing_one_leaves_the_file(server: Server, archive: Path) -> None:
    first, second = LINKS
    marked = mark(server, first, ANN)
    assert marked["lesions"][0]["patient_id"] == "PSEUDO1"
    (found,) = track(server, second).json()["tracks"]
    assert np.linalg.norm(np.array(found["center_mm"]) - expected_mm("ann")[0]) < NEAR_MM
    answer = requests.delete(f"{server.url}/datastore/image", params={"id": first}, timeout=ANSWER_S)
    assert answer.status_code == 200
    assert (archive / "scan_0001.nii.gz").is_file()
    assert not (server.studies / f"{first}.nii.gz").is_symlink()
    assert first not in listed(server)


def test_a_row_whose_study_was_removed_does_not_take_the_others_away(server: Server) -> None:
    answer = requests.delete(f"{server.url}/datastore/image", params={"id": "c"}, timeout=ANSWER_S)
    assert answer.status_code == 200
    mark(server, "a", BOB)
    (found,) = track(server, "b").json()["tracks"]
    assert np.linalg.norm(np.array(found["center_mm"]) - expected_mm("bob")[0]) < NEAR_MM
    assert "patient=PX" in page(server)
    assert "patient=PY" not in page(server)
    (server.studies / "studies.csv").touch()  # the table is read again, and says so, when it has changed
    assert "patient=PY" not in page(server)
    assert "row 4 is passed over: there is no image 'c' beside it" in server.log.read_text()


def test_a_table_that_cannot_be_read_says_so_on_the_page(server: Server) -> None:
    table = server.studies / "studies.csv"
    before = table.read_bytes()
    try:
        table.write_bytes("image;patient;date\na;Müller;01.02.2020\n".encode("cp1252"))
        text = page(server)
        assert "studies.csv is not UTF-8" in text
        assert "No study with a known patient" not in text
    finally:
        table.write_bytes(before)
    assert "patient=PX" in page(server)


def test_dicom_series_are_studies(server: Server) -> None:
    base, follow = uid_of("base"), uid_of("follow")
    mark(server, base, DEA)
    answer = track(server, follow).json()
    (found,) = answer["tracks"]
    assert np.linalg.norm(np.array(found["center_mm"]) - expected_mm("dea")[0]) < NEAR_MM
    assert (answer["baseline_image"], found["state"]) == (base, "found")
    said = [text for text in answer["warnings"] if "they were read together" in text]
    assert len(said) == 1
    assert any("they were read together" in text for text in found["warnings"])


def test_stock_clients_download_a_series_as_nifti(server: Server, tmp_path: Path) -> None:
    follow = uid_of("follow")
    assert requests.head(f"{server.url}/datastore/image", params={"image": follow}, timeout=ANSWER_S).status_code == 200
    answer = requests.get(f"{server.url}/datastore/image", params={"image": follow}, timeout=ANSWER_S)
    assert f'filename="{follow}.nii.gz"' in answer.headers["content-disposition"]
    assert answer.headers["content-type"] == "application/gzip"
    (tmp_path / "got.nii.gz").write_bytes(answer.content)
    image = sitk.ReadImage(str(tmp_path / "got.nii.gz"))
    assert np.array_equal(sitk.GetArrayFromImage(image), DEA.study(SHIFTS_MM["dea"]).hu)
    missing = requests.get(f"{server.url}/datastore/image", params={"image": "1.2.3"}, timeout=ANSWER_S)
    assert missing.status_code == 404


def test_a_series_that_arrives_later_is_there_and_one_that_is_removed_is_gone(server: Server) -> None:
    """Removing a series asks for nothing but its id, and takes its files and no others."""
    _series(server.studies / "DEA" / "third", "third", "20220101", (2.0, 0.0, 0.0))
    third = uid_of("third")
    deadline = time.monotonic() + 30
    while third not in listed(server) and time.monotonic() < deadline:
        time.sleep(0.5)
    mark(server, third, DEA)
    answer = requests.delete(f"{server.url}/datastore/image", params={"id": third}, timeout=ANSWER_S)
    assert answer.status_code == 200
    assert not (server.studies / "DEA" / "third").exists()
    assert len(list((server.studies / "DEA" / "base").iterdir())) == 60
    assert third not in listed(server)
    assert track(server, third).status_code == 404


def test_an_upload_that_would_be_hidden_is_refused(server: Server) -> None:
    content = io.BytesIO((server.studies / "a.nii.gz").read_bytes())
    answer = requests.put(
        f"{server.url}/datastore/", params={"image": ".x"}, files={"file": ("x.nii.gz", content)}, timeout=ANSWER_S
    )
    assert answer.status_code == 422
    assert "begins with no dot" in answer.text
