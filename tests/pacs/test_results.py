"""Reports and masks in a real PACS: stored, found and read back; and no study of a reader's list."""

from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.uid import ComprehensiveSRStorage, SegmentationStorage

from lesion_tracker.pacs.pacs import Pacs
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.report.dicom_lesion import MadeBy, ReportedLesion
from lesion_tracker.report.dicom_seg import segmentation
from lesion_tracker.report.dicom_source import read_source
from lesion_tracker.report.dicom_sr import structured_report
from tests.pacs.orthanc import Orthanc, drawn_series, needs_orthanc
from tests.pacs.small import small_volume

pytestmark = [pytest.mark.pacs, needs_orthanc]

RING = tuple((float(8 * np.cos(a)), float(4 + 5 * np.sin(a)), 15.0) for a in np.linspace(0, 2 * np.pi, 33))
ENDS = (((-8.0, 4.0, 15.0), (8.0, 4.0, 15.0)), ((0.0, -1.0, 15.0), (0.0, 9.0, 15.0)))
MEASURED = Measurement((0.0, 4.0, 15.0), 16.0, 10.0, *ENDS, 15.0, 0.4, 60.0, (RING,), method="drawn", version="1")
LESION = ReportedLesion("lesion_1", "2.25.71", (0.0, 4.0, 15.0), measured=MEASURED)


def test_results_are_stored_once_and_read_back_and_are_no_studies(orthanc: Orthanc, pacs: Pacs, tmp_path: Path) -> None:
    uid, files = drawn_series(tmp_path, small_volume(), patient="results", study="r1", series="thin", date="20200101")
    orthanc.send(files)
    source = read_source(files[0].parent)
    results = {}
    for name, make in (("report", structured_report), ("masks", segmentation)):
        for time in range(2):
            path = tmp_path / f"{name}{time}.dcm"
            make(source, [LESION], MadeBy()).save_as(path)
            orthanc.send([path])
        results[name] = pydicom.dcmread(path)
    for name, kind in (("report", ComprehensiveSRStorage), ("masks", SegmentationStorage)):
        (stored,) = orthanc.instances(str(results[name].SeriesInstanceUID))
        assert pydicom.dcmread(BytesIO(stored)).SOPClassUID == kind
        (tmp_path / name).write_bytes(stored)
    (group,) = hd.sr.srread(tmp_path / "report").content.get_planar_roi_measurement_groups(tracking_uid="2.25.71")
    assert [one.value for one in group.get_measurements()] == [16.0, 10.0, 400.0]
    assert hd.seg.segread(tmp_path / "masks").get_segment_numbers(tracking_uid="2.25.71") == [1]
    study = pacs.study(uid)
    assert study is not None
    assert [other.id for other in pacs.timeline(study)] == [uid]
