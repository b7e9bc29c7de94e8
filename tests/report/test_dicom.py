"""Reports and masks as DICOM: read back by highdicom and pydicom, and looked over by dciodvfy and dsrdump."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes

from lesion_tracker.errors import InputError
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.report.dicom_lesion import MadeBy, ReportedLesion
from lesion_tracker.report.dicom_seg import mask_of_outline, segmentation
from lesion_tracker.report.dicom_source import SourceSeries, read_source
from lesion_tracker.report.dicom_sr import structured_report
from lesion_tracker.volumes.dicom_writer import uid_of, write_dicom_series
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

SIZE, SPACING = (64, 48, 20), np.array([0.8, 0.9, 2.5])
UPRIGHT = Grid.from_parts(SIZE, SPACING, np.array([-30.0, -20.0, 5.0]), np.eye(3))
TURNED = Grid.from_parts(SIZE, SPACING, np.array([-30.0, 20.0, 52.5]), np.diag([1.0, -1.0, -1.0]))
"""The same place, rows from the back to the front and slices from the head down."""

Z = (27.5, 30.0, 32.5)
ANGLES = np.linspace(0, 2 * np.pi, 61)
OUTLINE = tuple(tuple((float(-10 + 8 * np.cos(a)), float(-5 + 5 * np.sin(a)), z) for a in ANGLES) for z in Z)
MEASURED = Measurement(
    center_mm=(-10.0, -5.0, 30.0),
    long_axis_mm=16.0,
    short_axis_mm=10.0,
    long_ends_mm=((-18.0, -5.0, 30.0), (-2.0, -5.0, 30.0)),
    short_ends_mm=((-10.0, -10.0, 30.0), (-10.0, 0.0, 30.0)),
    key_slice=30.0,
    volume_ml=0.94,
    mean_hu=60.0,
    outline=OUTLINE,
    method="graph cut",
    version="1",
)
LIVER = ReportedLesion("Läsion 1", "2.25.1", (-10.0, -5.0, 30.0), organ="Liver", measured=MEASURED)
GONE = ReportedLesion("lesion_2", "2.25.2", (0.0, 0.0, 20.0), fate="gone", organ="great toe")
NODE = replace(LIVER, name="node", tracking_uid="2.25.3", node=True, place_mm=(0.0, 0.0, 30.0))
DRAWN = replace(
    LIVER,
    name="drawn",
    tracking_uid="2.25.4",
    measured=replace(
        MEASURED,
        outline=(),
        volume_ml=None,
        mean_hu=None,
        method="axes by a reader",
        version="",
        changed_by="Bo Drawer",
        changed_at="2024-01-02",
    ),
)
BY = MadeBy("Ann Reader", "weights-1", "ab" * 32)


@pytest.fixture(params=[UPRIGHT, TURNED], ids=["upright", "turned"])
def source(request: Any, tmp_path: Path) -> SourceSeries:
    return _series(tmp_path / "ct", request.param)


def _series(folder: Path, grid: Grid = UPRIGHT) -> SourceSeries:
    _write(folder, grid)
    return read_source(folder)


def _write(folder: Path, grid: Grid = UPRIGHT) -> list[Path]:
    volume = Volume(np.zeros(grid.shape, np.int16), grid)
    uids = {"study_uid": uid_of("study"), "series_uid": uid_of("series")}
    return write_dicom_series(volume, folder, patient_id="P^Q", study_date="20240101", **uids)


def _saved(dataset: Any, folder: Path, name: str) -> Path:
    dataset.save_as(folder / name)
    return folder / name


def _read(source: SourceSeries, lesions: list[ReportedLesion], folder: Path) -> Any:
    """Return what highdicom reads of a report that lies on the disk."""
    return hd.sr.srread(_saved(structured_report(source, lesions, BY), folder, "sr.dcm")).content


def _groups(report: Any) -> list[Any]:
    return list(report.get_planar_roi_measurement_groups())


def test_a_report_is_read_back_with_its_numbers(source: SourceSeries, tmp_path: Path) -> None:
    (group,) = _read(source, [LIVER, GONE, NODE], tmp_path).get_planar_roi_measurement_groups(tracking_uid="2.25.1")
    assert group.tracking_identifier == "Cornerstone3DTools@^0.1.0:Bidirectional:Läsion 1"
    assert group.finding_type.meaning == "Läsion 1"
    assert [site.value for site in group.finding_sites] == [codes.SCT.Liver]
    found = {one.name.meaning: (one.value, one.unit) for one in group.get_measurements()}
    assert found == {
        "Long Axis": (16.0, codes.UCUM.Millimeter),
        "Short Axis": (10.0, codes.UCUM.Millimeter),
        "Volume": (940.0, codes.UCUM.CubicMillimeter),
    }
    assert [one.value.meaning for one in group.get_qualitative_evaluations()] == ["there"]


def test_axes_that_a_reader_drew_have_no_volume_and_no_algorithm(source: SourceSeries, tmp_path: Path) -> None:
    report = _read(source, [DRAWN, LIVER], tmp_path)
    (group,) = report.get_planar_roi_measurement_groups(tracking_uid="2.25.4")
    assert [(one.name.meaning, one.value) for one in group.get_measurements()] == [
        ("Long Axis", 16.0),
        ("Short Axis", 10.0),
    ]
    assert "Algorithm Name" not in str(group)
    observers = {
        name: [str(one.PersonName) for one in part.ContentSequence if one.ValueType == "PNAME"]
        for name, part in (("report", report[0]), *((one.tracking_uid, one[0]) for one in _groups(report)))
    }
    assert observers == {"report": ["Ann Reader^"], "2.25.4": ["Bo Drawer^"], "2.25.1": []}


def test_coordinates_count_from_the_corner_of_the_first_pixel(tmp_path: Path) -> None:
    group = _read(_series(tmp_path / "ct"), [LIVER], tmp_path).get_planar_roi_measurement_groups()[0]
    lines = {one.name.meaning: one[0].ContentSequence[0] for one in group.get_measurements()}
    # column (-18 + 30) / 0.8 = 15 and row (-5 + 20) / 0.9 = 16.67 are centres; the first pixel's centre is (0.5, 0.5)
    assert lines["Long Axis"].GraphicData == pytest.approx([15.5, 17.1667, 35.5, 17.1667], abs=1e-3)
    assert lines["Short Axis"].GraphicData == pytest.approx([25.5, 11.6111, 25.5, 22.7222], abs=1e-3)
    assert len(lines["Volume"].GraphicData) == 2 * len(ANGLES)
    assert {line.GraphicType for line in lines.values()} == {"POLYLINE"}


def test_a_line_names_the_slice_that_it_was_measured_in(source: SourceSeries, tmp_path: Path) -> None:
    named = (
        _read(source, [LIVER], tmp_path)
        .get_planar_roi_measurement_groups()[0]
        .roi.ContentSequence[0]
        .ReferencedSOPSequence[0]
        .ReferencedSOPInstanceUID
    )
    (header,) = [one for one in source.slices if str(one.SOPInstanceUID) == named]
    assert header.ImagePositionPatient[2] == 30.0
    (series,) = (
        structured_report(source, [LIVER], BY).CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    )
    assert [one.ReferencedSOPInstanceUID for one in series.ReferencedSOPSequence] == [named]


def test_a_lesion_that_is_gone_is_a_point_that_no_tool_of_ohif_takes(source: SourceSeries, tmp_path: Path) -> None:
    (group,) = _read(source, [LIVER, GONE], tmp_path).get_planar_roi_measurement_groups(tracking_uid="2.25.2")
    assert group.roi.GraphicType == "POINT"
    assert group.tracking_identifier == "99LESION_TRACKER:gone:lesion_2"
    assert group.get_measurements() == []
    assert [one.value.meaning for one in group.get_qualitative_evaluations()] == ["gone"]
    assert group.finding_sites[0].value.meaning == "great toe"


def test_a_node_lies_in_a_lymph_node(source: SourceSeries, tmp_path: Path) -> None:
    group = _read(source, [NODE], tmp_path).get_planar_roi_measurement_groups()[0]
    assert group.finding_sites[0].value == codes.SCT.LymphNode


def test_reader_model_and_product_are_named(source: SourceSeries, tmp_path: Path) -> None:
    text = _saved(structured_report(source, [LIVER], BY), tmp_path, "sr.dcm").read_bytes()
    for words in (
        "Ann Reader",
        "Lesion Tracker: graph cut",
        "model weights-1",
        f"sha256 {'ab' * 32}",
        "research use only",
    ):
        assert words.encode() in text
    anonymous = _saved(structured_report(source, [LIVER], MadeBy()), tmp_path, "sr.dcm").read_bytes()
    assert b"Person Observer" not in anonymous


def test_masks_are_read_back_where_the_outlines_are(source: SourceSeries, tmp_path: Path) -> None:
    path = _saved(segmentation(source, [GONE, LIVER], BY), tmp_path, "seg.dcm")
    found = hd.seg.segread(path)
    assert found.get_segment_numbers(tracking_uid="2.25.1") == [1]
    segment = found.get_segment_description(1)
    assert (segment.segment_label, segment.anatomic_regions[0].meaning) == ("Läsion 1", "Liver")
    row, column = (np.array(v) for v in np.split(np.array(_orientation(found)), 2))
    points = []
    for frame, groups in zip(found.pixel_array, found.PerFrameFunctionalGroupsSequence, strict=True):
        corner = np.array(groups.PlanePositionSequence[0].ImagePositionPatient)
        j, i = np.nonzero(frame)
        points += [corner + a * SPACING[0] * row + b * SPACING[1] * column for a, b in zip(i, j, strict=True)]
    placed = np.array(points)
    assert set(placed[:, 2]) == set(Z)
    assert (((placed[:, 0] + 10) / 8) ** 2 + ((placed[:, 1] + 5) / 5) ** 2).max() <= 1.0
    # pi * 8 * 5 mm2 in three slices of 2.5 mm; a polygon of 60 corners and whole voxels take a few percent
    assert len(placed) * float(np.prod(SPACING)) == pytest.approx(3 * 2.5 * np.pi * 40, rel=0.04)


def _orientation(found: Any) -> Any:
    return found.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient


def test_a_ring_within_a_ring_is_a_hole_and_what_is_outside_is_left() -> None:
    grid = Grid.from_parts((10, 10, 3), np.ones(3), np.zeros(3), np.eye(3))
    mask = mask_of_outline([_square(0.5, 6.5, 1.0), _square(2.5, 4.5, 1.0)], grid)
    assert mask[1].sum() == 6 * 6 - 2 * 2
    assert mask[[0, 2]].sum() == 0
    assert mask[1, 1:7, 1:7].sum() == mask[1].sum()
    assert not mask[1, 3:5, 3:5].any()
    assert mask_of_outline([_square(-3.5, 1.5, 0.0)], grid)[0].sum() == 2 * 2
    assert not mask_of_outline([_square(50.0, 60.0, 0.0)], grid).any()


def _square(low: float, high: float, z: float) -> np.ndarray:
    return np.array([[low, low, z], [high, low, z], [high, high, z], [low, high, z], [low, low, z]])


@pytest.mark.parametrize("make", [structured_report, segmentation])
def test_the_same_content_has_the_same_uids(make: Any, tmp_path: Path) -> None:
    source = _series(tmp_path / "ct")
    first, again = make(source, [LIVER], BY), make(source, [LIVER], BY)
    other = make(source, [replace(LIVER, name="another")], BY)
    assert first.SOPInstanceUID == again.SOPInstanceUID != other.SOPInstanceUID
    assert first.SeriesInstanceUID == other.SeriesInstanceUID
    assert first.StudyInstanceUID == uid_of("study")


@pytest.mark.parametrize("make", [structured_report, segmentation])
@pytest.mark.parametrize("name", ["Müller^Änne", "ANON", ""])
def test_the_patients_name_stays_what_it_is(make: Any, name: str, tmp_path: Path) -> None:
    for path in _write(tmp_path / "ct"):
        header = pydicom.dcmread(path)
        header.SpecificCharacterSet, header.PatientName = "ISO_IR 100", name
        for keyword in ("PatientBirthDate", "StudyID", "AccessionNumber", "ReferringPhysicianName"):
            delattr(header, keyword)
        header.save_as(path)
    made = _saved(make(read_source(tmp_path / "ct"), [LIVER], BY), tmp_path, "made.dcm")
    assert str(pydicom.dcmread(made).PatientName) == name


def test_points_of_another_place_are_refused(tmp_path: Path) -> None:
    source = _series(tmp_path / "ct")
    tilted = replace(MEASURED, long_ends_mm=((-18.0, -5.0, 26.0), (-2.0, -5.0, 33.0)))
    with pytest.raises(InputError, match=r"point \(-18.0, -5.0, 26.0\) does not lie in slice 11 of this series"):
        structured_report(source, [replace(LIVER, measured=tilted)], BY)
    with pytest.raises(InputError, match=r"point \(500.0, 0.0, 20.0\) does not lie in slice 7"):
        structured_report(source, [replace(GONE, place_mm=(500.0, 0.0, 20.0))], BY)
    with pytest.raises(InputError, match="no lesion to report"):
        structured_report(source, [], BY)
    with pytest.raises(InputError, match="nothing to write as DICOM SEG"):
        segmentation(source, [GONE], BY)


@pytest.mark.parametrize("make", [structured_report, segmentation])
def test_dciodvfy_finds_no_error(make: Any, source: SourceSeries, tmp_path: Path) -> None:
    found = _told("dciodvfy", "dicom3tools", _saved(make(source, [LIVER, GONE, NODE, DRAWN], BY), tmp_path, "made.dcm"))
    assert [line for line in found.splitlines() if "Error" in line] == []
    assert "ComprehensiveSR" in found or "Segmentation" in found


def test_dsrdump_reads_the_report(source: SourceSeries, tmp_path: Path) -> None:
    found = _told("dsrdump", "dcmtk", _saved(structured_report(source, [LIVER, GONE], BY), tmp_path, "sr.dcm"))
    for words in ('"Long Axis")="16.0"', '"Short Axis")="10.0"', '"Volume")="940.0"', 'Finding")=', "UNVERIFIED"):
        assert words in found


def _told(program: str, package: str, path: Path) -> str:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed (Debian: {package})")
    done = subprocess.run([program, path], capture_output=True, check=True)
    return (done.stdout + done.stderr).decode("utf-8", "replace")
