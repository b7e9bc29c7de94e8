"""Sub-volumes lie exactly as DeepLesion's own converter writes them, and a faulty slice leaves none."""

import shutil

import nibabel
import numpy as np
import pytest
from PIL import Image

from lesion_tracker.errors import FileFormatError, StudyError
from lesion_tracker.paper.deeplesion_info import read_info, wanted_by
from lesion_tracker.paper.deeplesion_volume import convert
from lesion_tracker.paper.dls_file import lps_from_dls
from lesion_tracker.paper.dls_pairs_file import read_dls_pairs, require_dls_grid
from lesion_tracker.scoring.provenance import hash_of
from lesion_tracker.volumes.reader import read_volume
from tests.paper.tiny_deeplesion import RANGES, hu_of_slice, make, volume_name

SERIES = "000001_02_01"
NAME = volume_name(SERIES)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make(tmp_path_factory.mktemp("deeplesion"))


@pytest.fixture
def copied(tiny, tmp_path):
    """Return the folder of the slices, to be spoilt."""
    shutil.copytree(tiny.images, tmp_path / "Images_png")
    return tmp_path / "Images_png"


def test_names_and_spacing_come_from_the_table(tiny):
    info = read_info(tiny.info)
    assert sorted(info) == [volume_name(series) for series in RANGES]
    assert info[NAME].spacing_mm == (5.0, 5.0, 5.0)
    assert [volume.name for volume in wanted_by(info, [tiny.annotations])] == sorted(info)
    assert [path.name for path in info[NAME].slice_paths(tiny.images)[:2]] == ["001.png", "002.png"]


def test_array_and_matrix_are_those_of_the_original_converter(tiny, tmp_path):
    # the original: np.stack(slices, axis=2), T = [[0, -sy, 0, 0], [-sx, 0, 0, 0], [0, 0, -sz, 0], [0, 0, 0, 1]]
    digest = convert(read_info(tiny.info)[NAME], tiny.images, tmp_path)
    image = nibabel.load(tmp_path / NAME)
    assert np.allclose(image.affine, [[0, -5, 0, 0], [-5, 0, 0, 0], [0, 0, -5, 0], [0, 0, 0, 1]])
    first, last = RANGES[SERIES]
    wanted = np.stack([hu_of_slice(SERIES, number) for number in range(first, last + 1)], axis=2)
    assert np.array_equal(np.asarray(image.dataobj), wanted)
    assert image.get_data_dtype() == np.int16
    assert digest == hash_of(tmp_path / NAME)


def test_a_canonical_orientation_flips_z(tiny, tmp_path):
    convert(read_info(tiny.info)[NAME], tiny.images, tmp_path)
    canonical = nibabel.as_closest_canonical(nibabel.load(tmp_path / NAME))
    array = np.asarray(canonical.dataobj)
    assert np.array_equal(array[::-1, ::-1, -1].T, hu_of_slice(SERIES, RANGES[SERIES][0]))  # the first slice is on top


def test_a_dls_centre_meets_its_voxel(tiny, tmp_path):
    convert(read_info(tiny.info)[NAME], tiny.images, tmp_path)
    volume = read_volume(tmp_path / NAME)
    require_dls_grid(NAME, volume.grid)
    column, row, number = 20, 33, 17
    index = volume.grid.indices_from_lps(lps_from_dls(np.array([column, row, number], float), np.full(3, 5.0))[None])[0]
    i, j, k = np.rint(index).astype(int)
    assert np.allclose(index, [row, column, number])
    assert volume.hu[k, j, i] == hu_of_slice(SERIES, RANGES[SERIES][0] + number)[row, column]
    assert len(read_dls_pairs(tiny.annotations)) == 2


def spoil_missing(folder):
    (folder / "017.png").unlink()


def spoil_torn(folder):
    path = folder / "017.png"
    path.write_bytes(path.read_bytes()[:400])


def spoil_bytes(folder):
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(folder / "017.png")


def spoil_size(folder):
    Image.fromarray(np.zeros((32, 64), np.uint16)).save(folder / "017.png")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_missing, r"there is no slice .*000001_02_01/017\.png"),
        (spoil_torn, r"017\.png cannot be read as an image"),
        (spoil_bytes, r"017\.png is no 16-bit gray PNG: PNG, mode L"),
        (spoil_size, r"slices have different sizes \[\(32, 64\), \(64, 64\)\]"),
    ],
)
def test_a_faulty_slice_is_named_and_leaves_no_volume(tiny, copied, tmp_path, spoil, message):
    spoil(copied / SERIES)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(StudyError, match=message):
        convert(read_info(tiny.info)[NAME], copied, out)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "lacks the columns"),
        ("File_name,Slice_range,Spacing_mm_px_\n", "has no rows"),
        ('File_name,Slice_range,Spacing_mm_px_\nx.png,"1, 2","1, 1, 5"\n', "row 2: File_name must be like"),
        ('File_name,Slice_range,Spacing_mm_px_\n000001_01_01_003.png,"1","1, 1, 5"\n', "row 2: Slice_range must be 2"),
        ('File_name,Slice_range,Spacing_mm_px_\n000001_01_01_003.png,"1, 9","1, 1, 0"\n', "row 2: slices 1 to 9"),
        ('File_name,Slice_range,Spacing_mm_px_\n000001_01_01_003.png,"-1, 3","1, 1, 5"\n', "row 2: slices -1 to 3"),
        (
            'File_name,Slice_range,Spacing_mm_px_\n000001_01_01_003.png,"1.5, 3","1, 1, 5"\n',
            "row 2: Slice_range must be whole numbers, got '1.5, 3'",
        ),
        (
            'File_name,Slice_range,Spacing_mm_px_\n000001_01_01_003.png,"1, 9","1, 1, 5"\n'
            '000001_01_01_004.png,"1, 9","1, 1, 1"\n',
            "row 3: 000001_01_01_001-009.nii.gz has spacing",
        ),
    ],
)
def test_a_wrong_table_is_refused_with_its_row(tmp_path, text, message):
    path = tmp_path / "DL_info.csv"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message):
        read_info(path)


def test_a_name_that_the_table_does_not_have(tiny, tmp_path):
    path = tmp_path / "test.json"
    path.write_text('{"0001": {"source": "000009_01_01_001-009.nii.gz"}}')
    with pytest.raises(FileFormatError, match="entry '0001': 'source' is '000009_01_01_001-009"):
        wanted_by(read_info(tiny.info), [path])
