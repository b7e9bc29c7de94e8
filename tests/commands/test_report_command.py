"""`report`: a drawn patient of two DICOM series and one file; what is written is read back, and numbers are those drawn."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from PIL import Image

from lesion_tracker.commands.dispatch import main
from lesion_tracker.readers.fate_store import FateStore
from lesion_tracker.readers.lines import now
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.derived import accepted
from lesion_tracker.records.followed import Traits
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.said import SaidFate
from lesion_tracker.records.track import Track
from lesion_tracker.report.drawn_size import AXIS
from lesion_tracker.volumes.dicom_writer import uid_of, write_dicom_series
from lesion_tracker.volumes.writer import write_volume
from tests.report.drawn import BALL, OTHER, balls

FIRST, SECOND, THIRD = uid_of("report", "1"), uid_of("report", "2"), "p__20200901"
RADII_MM = (8.0, 6.0, 5.0)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of three studies: lesion_2 is gone in the second, where lesion_1 is accepted; the third is tracked."""
    folder = tmp_path_factory.mktemp("report")
    for number, (uid, date) in enumerate(((FIRST, "20200101"), (SECOND, "20200501"))):
        write_dicom_series(
            balls(RADII_MM[number], other=not number),
            folder / date,
            patient_id="p",
            study_uid=uid_of("report", "study", date),
            series_uid=uid,
            study_date=date,
        )
    write_volume(balls(RADII_MM[2]), folder / f"{THIRD}.nii.gz")
    marks = MarkStore(folder / "labels")
    two = [Lesion("lesion_1", BALL, 8.0, "=<node>"), Lesion("lesion_2", OTHER, 6.0)]
    uids = [one.tracking_uid for one in marks.mark(FIRST, two)]
    track = Track("lesion_1", FIRST, SECOND, BALL, 8.0, 0.9, "found", BALL, "affine", tracking_uid=uids[0])
    track = replace(track, label="=<node>", baseline_mm=BALL)
    gone = replace(track, label="lesion_2", lesion_id="lesion_2", center_mm=OTHER, expected_mm=OTHER, baseline_mm=OTHER)
    gone = replace(gone, tracking_uid=uids[1])
    marks.add_tracks(SECOND, [track, gone])
    marks.correct(SECOND, [accepted(marks.tracks(SECOND)[0], "ann")])
    marks.add_tracks(THIRD, [replace(track, followup_study=THIRD, state="uncertain", created_at=now())])
    fates = FateStore(marks)
    for name in ("lesion_1", "lesion_2"):
        fates.describe(FIRST, name, Traits("target", "lung"), "ann")
    fates.say(SECOND, SaidFate("lesion_2", "gone", said_by="ann"))
    return folder


@pytest.fixture(scope="module")
def written(studies: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what the command wrote."""
    out = tmp_path_factory.mktemp("out") / "p"
    assert main(["report", "p", "--studies", str(studies), "--out", str(out), "--reader", "Ann"]) == 0
    return out


def test_the_table_has_axes_change_and_fate(written: Path) -> None:
    with (written / "results.csv").open(encoding="utf-8-sig") as file:
        rows = {(row["lesion_id"], row["study"]): row for row in csv.DictReader(file)}
    for number, study in enumerate((FIRST, SECOND, THIRD)):
        row = rows["lesion_1", study]
        assert float(row["long_axis_mm"]) == pytest.approx(2 * RADII_MM[number], abs=1.2)  # a voxel
        assert row["lesion"] == "'=<node>"
        assert row["looked_at"] == str(study != THIRD)
    change = float(rows["lesion_1", SECOND]["long_axis_change_mm"])
    both = (float(rows["lesion_1", one]["long_axis_mm"]) for one in (FIRST, SECOND))
    assert change == pytest.approx(-next(both) + next(both), abs=0.002)
    assert (rows["lesion_2", SECOND]["fate"], rows["lesion_2", SECOND]["long_axis_mm"]) == ("gone", "")
    assert ("lesion_2", THIRD) not in rows


def test_the_response_follows_from_the_same_axes(written: Path) -> None:
    found = json.loads((written / "results.json").read_text())
    first, second, third = found["response"]
    axes = [one["measurement"]["long_axis_mm"] for one in found["studies"][0]["lesions"]]
    assert first["sum_mm"] == pytest.approx(sum(axes))
    assert (second["category"], third["category"]) == ("PR", "NE")
    assert "lesion_2" in third["missing"]
    assert found["studies"][0]["slice_mm"] == pytest.approx(2.5)


def test_the_page_says_it_all_and_escapes_names(written: Path) -> None:
    page = (written / "report.html").read_text()
    for words in (
        "For research use only",
        "partial response",
        "=&lt;node&gt; (target, lung)",
        "gone",
        "for Ann",
        "not complete",
    ):
        assert words in page
    assert f"{THIRD}: no DICOM: {THIRD} is no DICOM series" in page
    assert "no reader has looked at it: a reader should look" in page
    with Image.open(written / "pictures" / "lesion-1.png") as picture:
        assert picture.size == (3 * 360, 360 + 46)
        axes = (np.array(picture)[:, :, :3] == AXIS).all(axis=2)
    assert [bool(axes[:, n * 360 : (n + 1) * 360].any()) for n in range(3)] == [True, True, True]


def test_dicom_is_written_under_one_tracking_uid(written: Path, studies: Path) -> None:
    uid = MarkStore(studies / "labels").lesions(FIRST)[0].tracking_uid
    lengths = []
    for study in (FIRST, SECOND):
        folder = written / f"dicom-{study}"
        (group,) = hd.sr.srread(folder / "report.dcm").content.get_planar_roi_measurement_groups(tracking_uid=uid)
        lengths.append(group.get_measurements()[0].value)
        assert hd.seg.segread(folder / "masks.dcm").get_segment_numbers(tracking_uid=uid) == [1]
    assert lengths == [pytest.approx(16.0, abs=1.2), pytest.approx(12.0, abs=1.2)]
    groups = hd.sr.srread(written / f"dicom-{SECOND}" / "report.dcm").content.get_planar_roi_measurement_groups()
    assert [one.tracking_identifier for one in groups][1] == "99LESION_TRACKER:gone:lesion_2"


def test_a_second_report_replaces_the_first_and_leaves_the_studies_alone(studies: Path, written: Path) -> None:
    def uids() -> list[str]:
        return [str(hd.sr.srread(one).SOPInstanceUID) for one in sorted(written.glob("dicom-*/report.dcm"))]

    before, files = uids(), {path.name for path in studies.iterdir()}
    assert main(["report", "p", "--studies", str(studies), "--out", str(written), "--reader", "Ann"]) == 0
    assert uids() == before
    assert files == {path.name for path in studies.iterdir()}
    assert "datastore_v2.json" not in files


@pytest.mark.parametrize(
    ("patient", "text"), [("nobody", "no study of patient 'nobody' is known"), ("p2", "patient 'p2' has no lesion")]
)
def test_who_has_no_lesion_is_told_so(
    patient: str, text: str, studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_volume(balls(5.0), tmp_path / "p2__20200101.nii.gz")
    (tmp_path / "labels").mkdir(exist_ok=True)  # of other patients
    folder = tmp_path if patient == "p2" else studies
    assert main(["report", patient, "--studies", str(folder), "--out", str(tmp_path / "out")]) == 2
    assert text in capsys.readouterr().err


def test_a_folder_in_which_nothing_was_marked_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "unmarked"
    folder.mkdir()
    assert main(["report", "eve", "--studies", str(folder), "--out", str(tmp_path / "out")]) == 2
    assert "nothing was ever marked in" in capsys.readouterr().err
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "out").exists()
