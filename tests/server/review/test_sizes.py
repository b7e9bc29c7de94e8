"""Sizes on the review page: measured where a reader asks for it, drawn in their slice, and only where they were measured."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from lesion_tracker.readers.size_store import SizeStore
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.report.drawn_size import AXIS, OUTLINE
from lesion_tracker.settings import Settings
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume
from tests.server.review.conftest import SHIFT_MM, STUDIES, Page, ShiftingEngine, made_page
from tests.server.review.test_page import track_all

FIRST, SECOND, _ = STUDIES
SEMI_MM = np.array([10.0, 7.0, 8.0])
CENTER_MM = np.array([1.0, 0.5, -120.0])


@pytest.fixture
def ellipsoids(tmp_path: Path) -> Iterator[Page]:
    """Return the page of two studies with one bright ellipsoid each, 20 × 14 mm in its middle slice, marked in the first."""
    rng = np.random.default_rng(3)
    grid = Grid.from_parts((80, 80, 30), np.array([1.0, 1.0, 2.0]), np.array([-40.0, -40.0, -150.0]), np.eye(3))
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))
    for n, name in enumerate((FIRST, SECOND)):
        inside = (((points - CENTER_MM - n * np.array(SHIFT_MM)) / SEMI_MM) ** 2).sum(axis=1) < 1
        hu = np.where(inside, 60.0, -800.0).reshape(grid.shape) + rng.normal(0, 15, grid.shape)
        write_volume(Volume(hu.astype(np.int16), grid), tmp_path / f"{name}.nii.gz")
    application, store, review = made_page(tmp_path, ShiftingEngine(Settings(), tmp_path / "cache", tmp_path / "model"))
    store.mark(FIRST, [Lesion("lesion_1", tuple(CENTER_MM.tolist()), 9.0, marked_by="dr a")])
    with TestClient(application) as http:
        yield Page(http, store, Volume(np.zeros(grid.shape, np.int16), grid), review)


def has(png: bytes, color: tuple[int, int, int]) -> bool:
    return bool((np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) == np.array(color)).all(axis=2).any())


def test_a_size_is_measured_when_asked_drawn_in_its_slice_and_gone_once_the_point_is_moved(ellipsoids: Page) -> None:
    page = ellipsoids
    track_all(page)
    whole = page.http.get("/lesions/", params={"patient": "eve"}).text
    assert whole.count(">not measured<") == 2
    assert not SizeStore(page.marks).of_study(FIRST)  # looking measures nothing
    before = page.http.get("/lesions/changes", params={"patient": "eve"}).json()
    job = track_all(page, what="measure")
    assert (job["tracked"], job["what"], job["messages"]) == (2, "measured", [])
    kept = SizeStore(page.marks).of_study(SECOND)["lesion_1"]
    assert kept.measured.long_axis_mm == pytest.approx(20.0, abs=1.0)
    assert kept.measured.short_axis_mm == pytest.approx(14.0, abs=1.0)
    assert {round(ring[0][2], 2) for ring in kept.measured.outline} == {round(kept.measured.key_slice, 2)}
    assert kept.slice_mm == 2.0
    assert page.http.get("/lesions/changes", params={"patient": "eve"}).json() != before
    whole = page.http.get("/lesions/", params={"patient": "eve"}).text
    assert f"{kept.measured.long_axis_mm:.1f} × {kept.measured.short_axis_mm:.1f} mm" in whole
    assert ">not measured<" not in whole
    large = page.http.get("/lesions/", params={"patient": "eve", "lesion": "lesion_1", "study": SECOND}).text
    assert "&#34;rings&#34;" in large
    x, y, z = CENTER_MM + SHIFT_MM
    asked = {"study": SECOND, "x": x, "y": y, "z": z + 4, "plane": "axial", "pixels": 300, "width": 60}
    plain = page.http.get("/lesions/crop.png", params=asked).content
    drawn = page.http.get("/lesions/crop.png", params=asked | {"lesion": "lesion_1", "size": "1"}).content
    assert [has(plain, AXIS), has(plain, OUTLINE)] == [False, False]
    assert [has(drawn, AXIS), has(drawn, OUTLINE)] == [True, True]
    assert "nothing to do" in page.post("measure", 422, patient="eve")["detail"]
    track = page.marks.tracks(SECOND)[0].created_at
    page.post("move", study=SECOND, lesion="lesion_1", center_mm=[x + 2, y, z], track=track, reader="dr b")
    assert page.http.get("/lesions/", params={"patient": "eve"}).text.count(">not measured<") == 1
    assert not has(page.http.get("/lesions/crop.png", params=asked | {"lesion": "lesion_1", "size": "2"}).content, AXIS)


def test_a_tracks_own_axes_are_shown_and_kept_when_the_outline_is_drawn_after(ellipsoids: Page) -> None:
    page = ellipsoids
    track_all(page)
    track = page.marks.tracks(SECOND)[0]
    x, y, _ = track.center_mm
    z = -118.0  # of a slice
    axes = {
        "long_ends_mm": ((x - 10.2, y, z), (x + 10.2, y, z)),
        "short_ends_mm": ((x, y - 6.9, z), (x, y + 6.9, z)),
    }
    sized = track.with_changes(long_axis_mm=20.4, short_axis_mm=13.8, check_size="its border is faint", **axes)
    page.marks.add_tracks(SECOND, [sized])
    for _ in ("by its track", "with an outline drawn after"):
        whole = page.http.get("/lesions/", params={"patient": "eve"}).text
        assert "20.4 × 13.8 mm" in whole
        assert "check me: its border is faint" in whole
        if not SizeStore(page.marks).of_study(SECOND):
            assert track_all(page, what="measure")["tracked"] == 2
    kept = SizeStore(page.marks).of_study(SECOND)["lesion_1"].measured
    assert kept.long_axis_mm == 20.4
    assert kept.outline
