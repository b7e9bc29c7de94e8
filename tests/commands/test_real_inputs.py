"""Files as people have them, through the command line: the lesion is found where it is, or one sentence says why not.

The sample's follow-up is rewritten in each way that was seen to move the answer, or to be refused with a wrong reason. Its
lesion lies at TRUTH; an affine registration is right within 5 mm.
"""

import gzip
import json
import math
import shutil
import struct
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from lesion_tracker.commands.dispatch import main
from lesion_tracker.volumes.dicom_writer import uid_of, write_dicom_series
from lesion_tracker.volumes.reader import read_volume

SAMPLE = Path(__file__).parents[2] / "sample-data"
BASELINE = SAMPLE / "studies" / "LIDC-IDRI-0001__20000101.nii.gz"
FOLLOWUP = SAMPLE / "studies" / "LIDC-IDRI-0001__20000401__constructed.nii.gz"
LESIONS = SAMPLE / "lesions.json"
TRUTH = json.loads((SAMPLE / "truth.json").read_text())["lesions"][0]["center_mm"]
AFFINE_MM = 5.0
STUDY = "followup"
"""The rewritten study's name, which its warnings begin with."""


@pytest.fixture
def track(tmp_path, capsys):
    """Return a function that tracks to a follow-up: exit code, the track (None if refused), what went to stderr."""

    def run(followup, *words, baseline=BASELINE, lesions=LESIONS):
        out = tmp_path / "tracks.json"
        out.unlink(missing_ok=True)
        code = main([str(w) for w in ("track", baseline, followup, "--lesions", lesions, "--out", out, *words)])
        done = json.loads(out.read_text())["tracks"][0] if out.exists() else None
        return code, done, capsys.readouterr().err

    return lambda *arguments, **more: run(*arguments, "--method", "affine", **more)


def is_at(done, place, within=AFFINE_MM):
    return done["state"] == "found" and math.dist(done["center_mm"], place) < within


def raw():
    return bytearray(gzip.decompress(FOLLOWUP.read_bytes()))


def series(folder, name, file, *, change=None, patient="P1", date="20200401"):
    """Write a sample study as DICOM; `change` gets each dataset, its number and its path, and may save it."""
    ids = {"patient_id": patient, "study_uid": uid_of(name, "study"), "series_uid": uid_of(name)}
    files = write_dicom_series(read_volume(file), folder, **ids, study_date=date)
    for number, path in enumerate(files):
        if change:
            data = pydicom.dcmread(path)
            change(data, number)
            data.save_as(path)
    return files


@pytest.mark.parametrize("mm", [40.0, -25.0])
def test_an_export_of_the_same_name_beside_the_file_does_not_matter(tmp_path, track, mm):
    """X.nii.gz was read with the voxels of X.nii: the answer lay as far off as the other export was cut, `found`."""
    shutil.copy(FOLLOWUP, tmp_path / "followup.nii.gz")
    scan = sitk.ReadImage(str(FOLLOWUP))
    voxels = sitk.GetArrayFromImage(scan)
    other = sitk.GetImageFromArray(np.roll(voxels, int(mm / scan.GetSpacing()[2]), axis=0))
    other.CopyInformation(scan)
    sitk.WriteImage(other, str(tmp_path / "followup.nii"))
    code, done, err = track(tmp_path / "followup.nii.gz")
    assert (code, err) == (0, "")
    assert is_at(done, TRUTH)


@pytest.mark.parametrize(("axis", "factor", "name"), [(3, 0.9, "slices"), (1, 1.3, "columns")])
def test_the_sform_counts_and_a_pixdim_that_contradicts_it_is_said(tmp_path, track, axis, factor, name):
    """The directions of the sform with the lengths of pixdim were 21 mm off, without a word."""
    data = raw()
    (length,) = struct.unpack_from("<f", data, 76 + 4 * axis)
    struct.pack_into("<f", data, 76 + 4 * axis, factor * length)
    struct.pack_into("<hh", data, 252, 0, 2)  # as nibabel writes
    (tmp_path / "followup.nii.gz").write_bytes(gzip.compress(data, 1))
    code, done, err = track(tmp_path / "followup.nii.gz")
    warning = f"its sform says {length:g} mm between {name}, its pixdim {factor * length:g} mm; the sform was used"
    assert code == 0
    assert f"warning: {STUDY}: {warning}\n" in err
    assert f"{STUDY}: {warning}" in done["warnings"]
    assert is_at(done, TRUTH)


def test_nan_in_an_odd_number_of_voxels_is_refused(tmp_path, track):
    """The last piece of the file was not looked at, and its NaN were water."""
    scan = sitk.ReadImage(str(FOLLOWUP))
    size, spacing = (119, 127, 65), (3.5, 3.5, 4.0)
    way = (scan.GetOrigin(), spacing, scan.GetDirection(), -1000.0, sitk.sitkFloat32)
    hu = sitk.GetArrayFromImage(sitk.Resample(scan, size, sitk.Transform(), sitk.sitkLinear, *way))
    hu[hu < -950] = np.nan
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing(spacing)
    sitk.WriteImage(image, str(tmp_path / "followup.nii.gz"))
    code, done, err = track(tmp_path / "followup.nii.gz")
    assert (code, done) == (2, None)
    assert f"{int(np.isnan(hu).sum())} of its voxels are NaN or infinite" in err


@pytest.mark.parametrize("name", ["metres.nii.gz", "tenfold.nrrd"])
def test_an_extent_that_no_body_has_is_refused_at_once(tmp_path, track, name):
    """It took all memory, or minutes, and then gave a wrong reason."""
    if name == "metres.nii.gz":
        data = raw()
        data[123] = (data[123] & ~7) | 1
        (tmp_path / name).write_bytes(gzip.compress(data, 1))
    else:
        scan = sitk.ReadImage(str(FOLLOWUP))
        scan.SetSpacing([10 * mm for mm in scan.GetSpacing()])
        sitk.WriteImage(scan, str(tmp_path / name))
    code, done, err = track(tmp_path / name)
    assert (code, done) == (2, None)
    text = {"metres.nii.gz": "418800 x 446400 x 265000 mm (its header says that its lengths are metres)"}
    assert f"it spans {text.get(name, '4188 x 4464 x 2650 mm')}: no body is that large; is its unit wrong?" in err


def test_an_nrrd_in_centimetres_is_read_in_centimetres(tmp_path, track):
    scan = sitk.ReadImage(str(FOLLOWUP))
    scan.SetSpacing([0.1 * mm for mm in scan.GetSpacing()])
    scan.SetOrigin([0.1 * mm for mm in scan.GetOrigin()])
    path = tmp_path / "followup.nrrd"
    sitk.WriteImage(scan, str(path), False)
    head, voxels = path.read_bytes().split(b"\n\n", 1)
    path.write_bytes(head + b'\nspace units: "cm" "cm" "cm"\n\n' + voxels)
    code, done, err = track(path)
    assert code == 0
    assert "its header says that its lengths are cm; they were taken times 10" in err
    assert is_at(done, TRUTH)


@pytest.mark.long
@pytest.mark.parametrize("degrees", [6.0, -4.0])
def test_a_rounded_oblique_matrix_is_no_shear(tmp_path, track, degrees):
    """29 of 30 such files were refused as sheared or tilted."""
    scan = nibabel.load(FOLLOWUP)
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = np.eye(4)
    turn[:3, :3] = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    image = nibabel.Nifti1Image(np.asarray(scan.dataobj), np.round(turn @ scan.affine, 3))
    nibabel.save(image, tmp_path / "followup.nii.gz")
    code, done, err = track(tmp_path / "followup.nii.gz")
    assert (code, err) == (0, "")
    flip = np.array([-1.0, -1.0, 1.0])
    assert is_at(done, turn[:3, :3] @ (np.array(TRUTH) * flip) * flip)


def test_bytes_behind_a_gzip_stream_are_a_warning(tmp_path, track):
    (tmp_path / "followup.nii.gz").write_bytes(FOLLOWUP.read_bytes() + b"trailing garbage")
    code, done, err = track(tmp_path / "followup.nii.gz")
    assert code == 0
    assert f"warning: {STUDY}: 16 bytes lie behind the end of its gzip stream" in err
    assert is_at(done, TRUTH)


def test_an_upper_case_ending_is_read(tmp_path, track):
    shutil.copy(FOLLOWUP, tmp_path / "FOLLOWUP.NII.GZ")
    code, done, _ = track(tmp_path / "FOLLOWUP.NII.GZ")
    assert code == 0
    assert is_at(done, TRUTH)


@pytest.mark.long
def test_dicom_without_preamble_is_read(tmp_path, track):
    """As older exports and some planning systems write it: implicit VR, and no mark that it is DICOM."""
    series(tmp_path / "followup", "bare", FOLLOWUP)
    for path in (tmp_path / "followup").iterdir():
        body = pydicom.filebase.DicomBytesIO()
        body.is_little_endian, body.is_implicit_VR = True, True
        pydicom.filewriter.write_dataset(body, pydicom.dcmread(path))
        path.write_bytes(body.getvalue())
    code, done, _ = track(tmp_path / "followup")
    assert code == 0
    assert is_at(done, TRUTH)


def test_an_nrrd_without_space_and_spacing_says_so_in_the_answer(tmp_path, track):
    """Its voxels are taken for cubes of 1 mm, which they are not: the lesion is not where it is."""
    hu = sitk.GetArrayFromImage(sitk.ReadImage(str(FOLLOWUP))).astype("<i2")
    sizes = " ".join(str(size) for size in reversed(hu.shape))
    head = f"NRRD0004\ntype: int16\nendian: little\nencoding: raw\ndimension: 3\nsizes: {sizes}\n\n"
    (tmp_path / "followup.nrrd").write_bytes(head.encode() + hu.tobytes())
    code, done, err = track(tmp_path / "followup.nrrd")
    warning = (
        "the NRRD file does not say how it lies in the patient (no space directions): left and right may be swapped"
    )
    said = f"{STUDY}: {warning}, nor how far apart its voxels are: 1 mm was taken"
    assert said in err
    assert code == 0
    assert said in done["warnings"]


@pytest.mark.long
def test_slices_without_intercept_are_named_in_the_answer(tmp_path, track):
    def bare(data, number):
        if number in (20, 21):
            del data.RescaleIntercept, data.RescaleSlope

    series(tmp_path / "followup", "bare", FOLLOWUP, change=bare)
    code, done, err = track(tmp_path / "followup")
    assert code == 0
    warning = "2 of 53 slices have no RescaleIntercept (00021.dcm, 00022.dcm), the others -1024"
    assert warning in err
    assert any(warning in text for text in done["warnings"])
    assert is_at(done, TRUTH)


@pytest.mark.long
def test_a_material_map_is_refused_unless_it_is_asked_for(tmp_path, track):
    def iodine(data, _):
        data.RescaleType, data.ImageType = "MGML", ["DERIVED", "SECONDARY", "AXIAL", "IODINE"]

    series(tmp_path / "followup", "iodine", FOLLOWUP, change=iodine)
    code, done, err = track(tmp_path / "followup")
    assert (code, done) == (2, None)
    assert "its values are no HU (RescaleType MGML): a map of a material" in err
    code, done, err = track(tmp_path / "followup", "--any-modality")
    assert code == 0
    assert f"{STUDY}: its RescaleType is MGML: the values are no HU" in done["warnings"]


@pytest.mark.long
def test_an_axial_reformat_is_taken_where_it_is_asked_for(tmp_path, track):
    def reformat(data, _):
        data.ImageType = ["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"]

    series(tmp_path / "followup", "reformat", FOLLOWUP, change=reformat)
    code, done, err = track(tmp_path / "followup")
    assert (code, done) == (2, None)
    assert "an axial one is taken with the option reformats" in err
    code, done, err = track(tmp_path / "followup", "--reformats")
    assert code == 0
    assert any("its slices are interpolated" in text for text in done["warnings"])
    assert is_at(done, TRUTH)


@pytest.mark.long
def test_a_series_in_two_folders_is_one_series(tmp_path, track, capsys):
    """Half of it was taken for the whole, and the lesion in the other half was 'not scanned'."""
    series(tmp_path / "base", "base", BASELINE, date="20200101")
    study = tmp_path / "fu"
    for number, path in enumerate(series(study / "all", "all", FOLLOWUP)):
        part = study / ("DIR000" if number < 36 else "DIR001")
        part.mkdir(exist_ok=True)
        path.rename(part / path.name)
    (study / "all").rmdir()
    code, done, err = track(study, baseline=tmp_path / "base")
    assert code == 0
    assert "lie in 2 folders (DIR000, DIR001); they were read together" in err
    assert is_at(done, TRUTH)
    shutil.copy(LESIONS, tmp_path / "lesions.json")
    rows = "patient,date,image,lesions\nP1,2020-01-01,base,lesions.json\nP1,2020-04-01,fu,\n"
    (tmp_path / "cohort.csv").write_text(rows)
    words = ("track-cohort", tmp_path / "cohort.csv", "--out", tmp_path / "results", "--method", "affine")
    assert main([str(word) for word in words]) == 0
    (pair,) = (json.loads(path.read_text()) for path in (tmp_path / "results" / "pairs").iterdir())
    assert is_at(pair["tracks"][0], TRUTH)
    assert any("they were read together" in text for text in pair["tracks"][0]["warnings"])
    code, done, err = track(study / "DIR000", baseline=tmp_path / "base")  # named by the user: said
    assert code == 0
    assert done["state"] == "outside"
    assert any("DIR001 beside it holds files of the same series" in text for text in done["warnings"])


@pytest.mark.long
def test_two_patients_and_the_wrong_order_are_refused_and_said_where_allowed(tmp_path, track, capsys):
    series(tmp_path / "baseline", "baseline", BASELINE, patient="PATIENT-A", date="20200401")
    series(tmp_path / "followup", "followup", FOLLOWUP, patient="PATIENT-B", date="20190101")
    facts = [
        "the baseline is of patient 'PATIENT-A', the follow-up of 'PATIENT-B'",
        "backward in time: the follow-up's date 20190101 lies before the baseline's 20200401",
    ]
    studies = {"followup": tmp_path / "followup", "baseline": tmp_path / "baseline"}
    code, done, err = track(studies["followup"], baseline=studies["baseline"])
    assert (code, done) == (2, None)
    assert "; ".join(facts) in err
    assert "--any-pair" in err
    code, done, err = track(studies["followup"], "--any-pair", baseline=studies["baseline"])
    assert code == 0
    assert done["warnings"][:2] == [f"{fact} (tracked all the same: --any-pair)" for fact in facts]
    assert is_at(done, TRUTH)
    shutil.copy(LESIONS, tmp_path / "lesions.json")
    rows = "patient,date,image,lesions\nA,2020-01-01,baseline,lesions.json\nA,2020-04-01,followup,\n"
    (tmp_path / "cohort.csv").write_text(rows)
    words = ("track-cohort", tmp_path / "cohort.csv", "--out", tmp_path / "results", "--method", "affine")
    assert main([str(word) for word in words]) == 0
    failed = capsys.readouterr().err
    assert all(fact in failed for fact in facts)
    table = (tmp_path / "results" / "cohort.csv").read_text()
    assert all(fact in table for fact in facts)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["mrk.json", "csv"])
def test_lesions_as_slicer_and_spreadsheets_write_them(tmp_path, track, kind):
    """Without a radius the lesion is measured, as for a click; the sample's radius is 16.4 mm."""
    (lesion,) = json.loads(LESIONS.read_text())["lesions"]
    x, y, z = lesion["center_mm"]
    path = tmp_path / f"marks.{kind}"
    point = {"label": "F-1", "position": [-x, -y, z], "positionStatus": "defined"}
    fiducials = {"type": "Fiducial", "coordinateSystem": "RAS", "coordinateUnits": "mm", "controlPoints": [point]}
    path.write_text(json.dumps({"markups": [fiducials]}) if kind == "mrk.json" else f"id,r,a,s\nF-1,{-x},{-y},{z}\n")
    code, done, err = track(FOLLOWUP, lesions=path)
    assert (code, err) == (0, "")
    assert done["lesion_id"] == "F-1"
    assert is_at(done, TRUTH)
    assert 11 < done["radius_mm"] < 20  # spicules are followed in part only
