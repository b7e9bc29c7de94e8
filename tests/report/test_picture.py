"""The picture shows the right place, says the state and marks the truth."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lesion_tracker.errors import FileFormatError
from lesion_tracker.measurement.measure import measure
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.report.drawn_size import AXIS, OUTLINE
from lesion_tracker.report.panel import TRUTH, legible
from lesion_tracker.report.picture import BASELINE_COLOR, STATE_COLORS, draw_picture, write_picture
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

ALONG_LPS = np.eye(3)


def study(center_mm, direction=ALONG_LPS) -> Volume:
    size = (50, 50, 30)
    matrix = np.eye(4)
    matrix[:3, :3] = direction * np.array([2.0, 2.0, 3.0])
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(size) - 1) / 2)
    grid = Grid(size, matrix)
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    points = grid.lps_from_indices(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))
    near = np.linalg.norm(points - center_mm, axis=1) < 9
    return Volume(np.where(near, 200, -100).reshape(grid.shape).astype(np.int16), grid)


def track(lesion_id="lesion_1", center=(5.0, 4.0, 3.0), state="found", **more) -> Track:
    return Track(lesion_id, "base", "follow", center, 8.0, 0.9, state, center, "affine", **more)


LESION = Lesion("lesion_1", (0.0, 0.0, 0.0), 8.0)
BASE, FOLLOW = study((0.0, 0.0, 0.0)), study((5.0, 4.0, 3.0))


def has(image: Image.Image, color) -> bool:
    return bool((np.asarray(image) == np.array(color)).all(axis=2).any())


@pytest.mark.parametrize("state", ["found", "uncertain", "outside"])
def test_the_state_has_its_color(state):
    image = draw_picture(BASE, FOLLOW, [LESION], [track(state=state)])
    assert has(image, STATE_COLORS[state])
    assert has(image, BASELINE_COLOR)
    assert not any(has(image, color) for name, color in STATE_COLORS.items() if name != state)


def test_the_truth_is_marked_only_where_it_is_given():
    assert not has(draw_picture(BASE, FOLLOW, [LESION], [track()]), TRUTH)
    with_truth = draw_picture(BASE, FOLLOW, [LESION], [track()], {"lesion_1": [9.0, 4.0, 3.0]})
    pixels = (np.asarray(with_truth) == np.array(TRUTH)).all(axis=2)
    rows = np.flatnonzero(pixels.any(axis=1))
    assert rows.max() > with_truth.height * 0.6  # in the follow-up's row


def test_each_lesion_has_its_block():
    one = draw_picture(BASE, FOLLOW, [LESION], [track()])
    other = Lesion("lesion_2", (10.0, 0.0, 0.0), 8.0)
    two = draw_picture(BASE, FOLLOW, [LESION, other], [track(), track("lesion_2")])
    assert two.size == (one.width, 2 * one.height)


def test_many_lesions_are_pages_of_four(tmp_path):
    lesions = [Lesion(f"lesion_{n}", (0.0, 0.0, 0.0), 8.0) for n in range(1, 10)]
    pages = write_picture(tmp_path / "all.png", BASE, FOLLOW, lesions, [track(one.id) for one in lesions])
    assert [page.name for page in pages] == ["all.png", "all_2.png", "all_3.png"]
    heights = []
    for page in pages:
        with Image.open(page) as image:
            heights.append(image.height)
    assert heights[0] == heights[1] == 4 * heights[2]


@pytest.mark.parametrize(
    ("name", "shown"), [("Zyste Übergröße", "Zyste Übergröße"), ("Узел", "Узел"), ("结节 1", "U+7ED3 U+8282  1")]
)
def test_names_of_any_script_are_legible(name, shown):
    assert legible(name) == shown
    title = np.asarray(draw_picture(BASE, FOLLOW, [LESION], [replace(track(), label=name)]))[:40, :300]
    other = np.asarray(draw_picture(BASE, FOLLOW, [LESION], [replace(track(), label=name[::-1])]))[:40, :300]
    assert (title != other).any()  # no row of the same empty boxes


def test_flipped_axes_give_the_same_picture():
    flipped = study((5.0, 4.0, 3.0), np.diag([-1.0, -1.0, 1.0]))
    first, second = (np.asarray(draw_picture(BASE, f, [LESION], [track()]), dtype=int) for f in (FOLLOW, flipped))
    assert np.abs(first - second).max() <= 1  # rounding


def test_the_file_is_a_picture_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "tracks.png"
    write_picture(path, BASE, FOLLOW, [LESION], [track(note="look at this")], {"lesion_1": (5.0, 4.0, 3.0)})
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.width > 1000
    assert [file.name for file in tmp_path.iterdir()] == ["tracks.png"]


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"a picture is one of .png.*got 'tracks.docx'"):
        write_picture(tmp_path / "tracks.docx", BASE, FOLLOW, [LESION], [track()])
    with pytest.raises(FileFormatError, match="cannot be written: No such file"):
        write_picture(tmp_path / "none" / "tracks.png", BASE, FOLLOW, [LESION], [track()])
    with pytest.raises(ValueError, match="no track was given"):
        draw_picture(BASE, FOLLOW, [LESION], [])
    with pytest.raises(ValueError, match="'lesion_9' belongs to none of the lesions"):
        draw_picture(BASE, FOLLOW, [LESION], [track("lesion_9")])


def test_axes_and_outline_are_drawn_in_both_studies_where_the_track_was_measured():
    plain = draw_picture(BASE, FOLLOW, [LESION], [track()])
    assert not has(plain, AXIS)
    at = np.array([5.0, 4.0, 3.0])
    earlier, now = (measure(*one, 8.0) for one in ((BASE, np.zeros(3)), (FOLLOW, at)))
    sized = track().with_changes(
        long_axis_mm=now.long_axis_mm,
        short_axis_mm=now.short_axis_mm,
        long_ends_mm=now.long_ends_mm,
        short_ends_mm=now.short_ends_mm,
        earlier_long_axis_mm=earlier.long_axis_mm,
    )
    image = draw_picture(BASE, FOLLOW, [LESION], [sized])
    half = image.height // 2
    for part in (image.crop((0, 80, 380, half)), image.crop((0, half + 60, 380, image.height))):
        assert has(part, AXIS)
        assert has(part, OUTLINE)
    other = sized.with_changes(earlier_long_axis_mm=earlier.long_axis_mm + 1)  # measured from another mark
    assert not has(draw_picture(BASE, FOLLOW, [LESION], [other]).crop((0, 80, 380, half)), AXIS)
