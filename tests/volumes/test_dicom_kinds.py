"""What a DICOM series holds that is no plain scan in HU: read with a word, or refused with the true reason."""

import io
import re

import numpy as np
import pydicom
import pytest
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset

from lesion_tracker.errors import StudyError
from lesion_tracker.studies.series_choice import SeriesQuality, choose
from lesion_tracker.volumes.reader import read_volume
from tests.volumes.made import edit, grid_along, noise, plain, write_series


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "series"


def without_preamble(path, *, implicit=True):
    """Write a file as exports before 1993 did: the elements, and nothing before them."""
    data = pydicom.dcmread(path)
    body = io.BytesIO()
    file = DicomFileLike(body)
    file.is_little_endian, file.is_implicit_VR = True, implicit
    write_dataset(file, data)
    path.write_bytes(body.getvalue())


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("ending", [".dcm", "", ".IMA"])
@pytest.mark.parametrize("some", [slice(None), slice(1, 2)])
def test_files_without_preamble_are_read(folder, implicit, ending, some):
    for number, path in enumerate(write_series(plain(), folder)):
        if number in range(*some.indices(4)):
            without_preamble(path, implicit=implicit)
        path.rename(path.with_suffix(ending))
    assert np.array_equal(read_volume(folder).hu, plain().hu)


def test_what_begins_like_dicom_is_not_taken_for_it(folder):
    write_series(plain(), folder)
    (folder / "other").write_bytes(b"\x08\0\x05\0 and then nothing of the kind")
    (folder / "short").write_bytes(b"\x08\0")
    assert np.array_equal(read_volume(folder).hu, plain().hu)
    (folder / "x.dcm").write_bytes(b"\x08\0\x05\0 and then nothing of the kind")
    with pytest.raises(StudyError, match=r"x\.dcm is not a DICOM file"):
        read_volume(folder)


@pytest.mark.parametrize("bare", [[0], [2], [1, 3]])
def test_slices_without_intercept_among_others_are_named(folder, bare):
    files = write_series(plain(), folder)
    for number in bare:
        edit(files[number], RescaleIntercept=None, RescaleSlope=None)
    volume = read_volume(folder)
    expected = plain().hu.copy()
    expected[bare] += 1024
    assert np.array_equal(volume.hu, expected)
    names = ", ".join(files[number].name for number in bare)
    assert volume.warnings[0] == (
        f"{len(bare)} of 4 slices have no RescaleIntercept ({names}), the others -1024: the HU of these slices may be wrong "
        "by that much"
    )


@pytest.mark.parametrize("quantity", ["MGML", "Z_EFF", "ED", "PCT", "mgml"])
def test_another_quantity_than_hu_is_refused(folder, quantity):
    write_series(plain(), folder, RescaleType=quantity)
    with pytest.raises(StudyError, match=rf"its values are no HU \(RescaleType {quantity}\): a map of a material"):
        read_volume(folder)
    (warning,) = read_volume(folder, any_modality=True).warnings
    assert warning == f"its RescaleType is {quantity}: the values are no HU"


def test_another_quantity_in_one_slice_is_refused(folder):
    edit(write_series(plain(), folder)[2], RescaleType="MGML")
    with pytest.raises(StudyError, match="RescaleType MGML"):
        read_volume(folder)


@pytest.mark.parametrize("quantity", ["HU", "", None, "US"])
def test_hu_and_what_is_not_said_are_silent(folder, quantity):
    write_series(plain(), folder, RescaleType=quantity)
    assert read_volume(folder).warnings == ()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "IODINE"]},
            "DERIVED/SECONDARY/AXIAL/IODINE is that of a material",
        ),
        ({"ImageType": ["DERIVED", "PRIMARY", "AXIAL", "EFF_ATOMIC_NUM"]}, "is that of a material map"),
        ({"RescaleType": "HU_MOD"}, "HU were changed by a calculation"),
    ],
)
def test_a_map_in_hu_is_said_and_never_chosen_before_a_scan(folder, changes, text):
    write_series(plain(), folder, **changes)
    (warning,) = read_volume(folder).warnings
    assert text in warning
    series = [SeriesQuality("a map", "", 400.0, 1.0, doubt=warning), SeriesQuality("the scan", "", 300.0, 5.0)]
    chosen = choose(series)
    assert chosen is not None
    assert chosen.series_uid == "the scan"
    assert choose(series[:1]) == series[0]


REFORMATS = [("DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"), ("DERIVED", "PRIMARY", "MPR")]


@pytest.mark.parametrize("kind", REFORMATS)
def test_an_axial_reformat_is_taken_where_it_is_asked_for(folder, kind):
    write_series(plain(), folder, ImageType=list(kind))
    with pytest.raises(
        StudyError, match=r"reformatted view .*whose slices are interpolated.*with the option reformats"
    ):
        read_volume(folder)
    volume = read_volume(folder, reformats=True)
    assert np.array_equal(volume.hu, plain().hu)
    assert volume.warnings == (f"it is a reformatted view (ImageType {'/'.join(kind)}): its slices are interpolated",)


def test_another_reformat_than_an_axial_one_stays_refused(folder):
    coronal = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
    write_series(noise(grid_along(coronal)), folder, ImageType=list(REFORMATS[0]))
    with pytest.raises(StudyError, match="interpolated and not axial"):
        read_volume(folder, reformats=True)


@pytest.mark.parametrize("word", ["MIP", "MINIP", "CPR", "VRT", "SSD", "VOLUME RENDERING"])
def test_blended_views_stay_refused(folder, word):
    write_series(plain(), folder, ImageType=["DERIVED", "SECONDARY", "MPR", word])
    with pytest.raises(
        StudyError, match=re.escape(f"(ImageType DERIVED/SECONDARY/MPR/{word}), whose slices are blended")
    ):
        read_volume(folder, reformats=True)


def test_an_extent_that_no_body_has(folder):
    write_series(plain(), folder, PixelSpacing=[700, 700])
    with pytest.raises(StudyError, match=r"it spans 4200 x 3500 x 11\.6 mm: no body is that large"):
        read_volume(folder)
