"""A click in a crop is an exact position: half a pixel's size at most."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lesion_tracker.report.crop import CropMarks, CropView, draw_crop
from lesion_tracker.report.planes import PLANES, SOFT_TISSUE
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume
from tests.server.review.conftest import STUDIES, Page

FLIPPED = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])


def lps_from_pixel(view: CropView, x: float, y: float) -> np.ndarray:
    """Return the patient position of a continuous pixel, LPS mm, by the cut's own axes."""
    right, down = (np.array([x, y]) - (view.pixels - 1) / 2) * view.mm_per_pixel
    return np.asarray(view.center_mm + right * np.array(view.plane.right) + down * np.array(view.plane.down))


@pytest.mark.parametrize("direction", [np.eye(3), FLIPPED])
@pytest.mark.parametrize("plane", PLANES)
def test_the_brightest_pixel_of_the_picture_lies_at_the_bright_voxel(plane: object, direction: np.ndarray) -> None:
    grid = Grid.from_parts((40, 44, 36), np.array([1.5, 1.0, 2.0]), np.array([20.0, -30.0, 50.0]), direction)
    hu = np.full(grid.shape, -150, dtype=np.int16)
    hu[17, 22, 19] = 240
    true_mm = grid.lps_from_indices(np.array([[19.0, 22.0, 17.0]]))[0]
    normal = np.cross(plane.right, plane.down)
    away = np.array([7.3, -4.1, 5.6])
    center = true_mm + away - (away @ normal) * normal  # elsewhere in the same cut
    view = CropView(plane, center, 60.0, 301)
    image = draw_crop(Volume(hu, grid), view, SOFT_TISSUE, CropMarks((0, 0, 0), 30.0))
    gray = np.array(image)[..., :].min(axis=2).astype(float)
    x, y = (round(value) for value in view.pixel_from_lps(true_mm))
    near = gray[y - 12 : y + 13, x - 12 : x + 13]
    row, column = np.unravel_index(int(np.argmax(near)), near.shape)
    clicked = lps_from_pixel(view, float(x - 12 + column), float(y - 12 + row))
    assert np.linalg.norm(clicked - true_mm) <= view.mm_per_pixel * np.sqrt(0.5)


@pytest.mark.parametrize("plane", PLANES)
def test_pixels_and_positions_are_inverse_and_the_middle_is_the_centre(plane: object) -> None:
    view = CropView(plane, np.array([10.0, -20.0, 30.0]), 90.0, 150)
    np.testing.assert_allclose(lps_from_pixel(view, 74.5, 74.5), [10.0, -20.0, 30.0])
    np.testing.assert_allclose(view.pixel_from_lps(lps_from_pixel(view, 3.25, 140.0)), (3.25, 140.0))
    assert np.linalg.norm(lps_from_pixel(view, 1.0, 0.0) - lps_from_pixel(view, 0.0, 0.0)) == pytest.approx(0.6)


def test_axial_right_is_the_patients_left_and_down_is_posterior() -> None:
    view = CropView(PLANES[0], np.zeros(3), 100.0, 101)
    np.testing.assert_allclose(lps_from_pixel(view, 60.0, 55.0), [9.900990, 4.950495, 0.0], atol=1e-5)


def test_the_server_draws_crops_and_refuses_nonsense(page: Page) -> None:
    query = {"study": STUDIES[0], "x": 0, "y": 0, "z": -160}
    answer = page.http.get("/lesions/crop.png", params={**query, "pixels": 120, "other": "1,2,-160"})
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (360, 120)
    one = page.http.get("/lesions/crop.png", params={**query, "plane": "coronal", "pixels": 64})
    assert Image.open(io.BytesIO(one.content)).size == (64, 64)
    for wrong in ({"x": "nan"}, {"pixels": 100000}, {"plane": "oblique"}, {"width": 0}, {"other": "1,2"}):
        assert page.http.get("/lesions/crop.png", params={**query, **wrong}).status_code == 422
    assert page.http.get("/lesions/crop.png", params={**query, "study": "nobody"}).status_code == 404


def test_windows_differ_and_outside_of_the_scan_is_said(page: Page, tmp_path: Path) -> None:
    query = {"study": STUDIES[0], "x": 0, "y": 0, "z": -160}
    pictures = {
        w: page.http.get("/lesions/crop.png", params={**query, "window": w}).content for w in ("lung", "soft", "bone")
    }
    assert len(set(pictures.values())) == 3
    lung = np.full(page.volume.grid.shape, -800, np.int16)
    write_volume(replace(page.volume, hu=lung), tmp_path / f"{STUDIES[1]}.nii.gz")
    write_volume(replace(page.volume, hu=lung * 0), tmp_path / f"{STUDIES[2]}.nii.gz")
    as_before = {**query, "study": STUDIES[2], "like": STUDIES[1], "like_at": "0,0,-160"}
    for window, more in (("soft", {}), ("lung", as_before)):  # one window in all studies of a lesion
        alone = {**query, "study": STUDIES[2]}
        named = page.http.get("/lesions/crop.png", params={**alone, "window": window})
        assert named.status_code == 200
        assert page.http.get("/lesions/crop.png", params={**alone, **more}).content == named.content
    assert page.http.get("/lesions/crop.png", params={**as_before, "like_at": "1,2"}).status_code == 422
    beyond = page.http.get("/lesions/crop.png", params={**query, "z": 900, "color": "outside"})
    assert beyond.status_code == 200
    colors = Image.open(io.BytesIO(beyond.content)).convert("RGB").getcolors(1 << 20)
    assert any(color == (255, 96, 80) for _, color in colors or [])
