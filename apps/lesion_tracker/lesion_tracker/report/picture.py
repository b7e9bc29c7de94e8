"""The picture of a track: baseline above follow-up, three planes through the point each; one block a lesion."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.whole import refusals_of, written_whole
from lesion_tracker.measurement.measure import measure
from lesion_tracker.readers.cell import cell_of_track
from lesion_tracker.readers.cell_size import SAME_MM, Size, measured_at, size_from
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.state import READER, STATES
from lesion_tracker.records.track import Track
from lesion_tracker.report.crop import CropView
from lesion_tracker.report.drawn_size import AXIS, draw_size
from lesion_tracker.report.panel import FAINT, INK, TRUTH, Color, Marks, draw_panel, rgb, width_of, write
from lesion_tracker.report.planes import PLANES, Plane, Window, cut, window_for
from lesion_tracker.volumes.volume import Volume

PIXELS = 380
GUTTER = 6
PAGE = 4
"""Lesions on a page: one below the other they are 3,500 pixels high."""

TITLE_HEIGHT = 58
ROW_HEADING = 26
BACKGROUND: Color = (18, 20, 24)
BASELINE_COLOR = rgb(READER.color)
STATE_COLORS = {name: rgb(state.color) for name, state in STATES.items()}
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


def write_picture(
    path: Path,
    baseline: Volume,
    followup: Volume,
    lesions: Sequence[Lesion],
    tracks: Sequence[Track],
    truth_mm: Mapping[str, Sequence[float]] | None = None,
) -> list[Path]:
    """Write a picture of all tracks: pages of four, `NAME.png`, `NAME_2.png` and so on.

    Args:
        path: of the first page, PNG, JPEG, WebP or TIFF by its suffix; each is written at once.
        baseline: any orientation.
        followup: any orientation.
        lesions: as marked in the baseline.
        tracks: one block each.
        truth_mm: the true point in the follow-up by lesion id, LPS mm, where it is known.

    Returns:
        The pages.

    Raises:
        FileFormatError: for another suffix, or a folder that cannot be written to.
        ValueError: without tracks, or for a track of a lesion that is not given.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise FileFormatError(f"a picture is one of {', '.join(SUFFIXES)}, got {path.name!r}")
    pages = []
    for number, first in enumerate(range(0, max(len(tracks), 1), PAGE), start=1):
        page = path if number == 1 else path.with_stem(f"{path.stem}_{number}")
        image = draw_picture(baseline, followup, lesions, tracks[first : first + PAGE], truth_mm)
        with refusals_of(page), written_whole(page) as draft:
            image.save(draft)
        pages.append(page)
    return pages


def draw_picture(
    baseline: Volume,
    followup: Volume,
    lesions: Sequence[Lesion],
    tracks: Sequence[Track],
    truth_mm: Mapping[str, Sequence[float]] | None = None,
) -> Image.Image:
    """Return one page of what `write_picture` writes; the same arguments and errors."""
    if not tracks:
        raise ValueError("there is nothing to draw: no track was given")
    by_id = {lesion.id: lesion for lesion in lesions}
    blocks = []
    for track in tracks:
        if track.lesion_id not in by_id:
            raise ValueError(f"the track of {track.lesion_id!r} belongs to none of the lesions {sorted(by_id)}")
        truth = (truth_mm or {}).get(track.lesion_id)
        blocks.append(_block(baseline, followup, by_id[track.lesion_id], track, truth))
    picture = Image.new("RGB", (blocks[0].width, sum(block.height for block in blocks)), BACKGROUND)
    for number, block in enumerate(blocks):
        picture.paste(block, (0, number * block.height))
    return picture


def _block(
    baseline: Volume, followup: Volume, lesion: Lesion, track: Track, truth: Sequence[float] | None
) -> Image.Image:
    row_height = ROW_HEADING + PIXELS
    block = Image.new("RGB", (3 * PIXELS + 4 * GUTTER, TITLE_HEIGHT + 2 * row_height + 2 * GUTTER), BACKGROUND)
    draw = ImageDraw.Draw(block)
    _title(draw, lesion, track, truth)
    center_mm = np.array(lesion.center_mm)
    window = window_for(baseline, center_mm, lesion.radius_mm)
    width_mm = float(np.clip(10 * max(lesion.radius_mm, track.expected_radius_mm), 150.0, 300.0))
    top = TITLE_HEIGHT
    heading = (
        f"baseline  {track.baseline_study}  ·  {_place(center_mm)}  ·  r {lesion.radius_mm:.1f} mm  ·  {window.name}"
    )
    write(draw, (GUTTER + 2, top), heading, 16, BASELINE_COLOR)
    before, after = _sizes(baseline, followup, lesion, track)
    _of_size(draw, top, before)
    marks = Marks(BASELINE_COLOR, 1.3 * lesion.radius_mm, "")
    _row(block, top + ROW_HEADING, baseline, center_mm, width_mm, window, marks, None, before)
    top += row_height + GUTTER
    center_mm, color = np.array(track.center_mm), STATE_COLORS[track.state]
    write(draw, (GUTTER + 2, top), f"follow-up  {track.followup_study}  ·  {_place(center_mm)}", 16, color)
    change = track.long_axis_change_mm
    _of_size(draw, top, after, "" if change is None else f" ({change:+.1f} mm)")
    marks = Marks(color, 1.3 * track.expected_radius_mm, "")
    _row(block, top + ROW_HEADING, followup, center_mm, width_mm, window, marks, truth, after)
    return block


def _row(
    block: Image.Image,
    top: int,
    volume: Volume,
    center_mm: np.ndarray,
    width_mm: float,
    window: Window,
    marks: Marks,
    truth: Sequence[float] | None,
    size: Size | None,
) -> None:
    for column, plane in enumerate(PLANES):
        drawn = size if plane.name == "axial" else None
        middle = center_mm if drawn is None else np.array([*center_mm[:2], drawn.slice_mm])
        gray = window.gray(cut(volume, plane, middle, width_mm, PIXELS))
        panel = draw_panel(gray, plane, width_mm, _marks_on(plane, marks, middle, truth))
        if drawn is not None:
            view = CropView(plane, middle, width_mm, PIXELS)
            ends = (drawn.long_ends_mm, drawn.short_ends_mm)
            draw_size(ImageDraw.Draw(panel), view.pixel_from_lps, drawn.rings, ends)
        block.paste(panel, (GUTTER + column * (PIXELS + GUTTER), top))


def _sizes(baseline: Volume, followup: Volume, lesion: Lesion, track: Track) -> tuple[Size | None, Size | None]:
    """Return the sizes in both studies, with outlines, as the track measured them; None where it has none."""
    if track.long_axis_mm is None:
        return None, None
    earlier = measure(baseline, np.array(lesion.center_mm), lesion.radius_mm)
    same = abs(earlier.long_axis_mm - (track.earlier_long_axis_mm or 0.0)) < SAME_MM
    now = measured_at(cell_of_track(track.followup_study, track), followup)
    return size_from(earlier) if same else None, size_from(now)


def _of_size(draw: ImageDraw.ImageDraw, top: int, size: Size | None, change: str = "") -> None:
    if size is not None:
        write(draw, (3 * (PIXELS + GUTTER), top), f"axes {size.words}{change}", 16, AXIS, "ra")


def _marks_on(plane: Plane, marks: Marks, center_mm: np.ndarray, truth: Sequence[float] | None) -> Marks:
    axis = int(np.argmax(np.abs(np.cross(plane.right, plane.down))))
    caption = f"{plane.name}  {'xyz'[axis]} {center_mm[axis]:.1f} mm"
    if truth is None:
        return Marks(marks.color, marks.gap_mm, caption)
    true_mm = np.array(truth, dtype=np.float64)
    depth_mm = float(true_mm[axis] - center_mm[axis])
    return Marks(marks.color, marks.gap_mm, caption, plane.offset_mm(center_mm, true_mm), depth_mm)


def _title(draw: ImageDraw.ImageDraw, lesion: Lesion, track: Track, truth: Sequence[float] | None) -> None:
    color = STATE_COLORS[track.state]
    name = track.label or lesion.label
    write(draw, (GUTTER + 2, 7), name, 22, INK)
    x = GUTTER + 2 + width_of(name, 22) + 14
    write(draw, (x, 7), track.state, 22, color)
    x += width_of(track.state, 22) + 18
    confidence = f"confidence {track.confidence:.2f}" + ("" if track.calibrated else " (uncalibrated)")
    facts = f"{confidence}  ·  {track.method}  ·  moved {track.moved_mm:.1f} mm from the expected point"
    right = 3 * (PIXELS + GUTTER)
    write(draw, (x, 12), _fitted(facts, 16, right - x), 16, INK)
    if truth is not None:
        away_mm = float(np.linalg.norm(np.array(track.center_mm) - np.array(truth)))
        write(draw, (right, 33), f"truth (x) {away_mm:.1f} mm away", 16, TRUTH, "ra")
    check = f"check the size: {track.check_size}" if track.check_size else ""
    note = "  ·  ".join(filter(None, (check, track.note))) or "research use only"
    write(draw, (GUTTER + 2, 35), _fitted(note, 14, right - (180 if truth is not None else 0)), 14, FAINT)


def _fitted(text: str, size: int, width: int | float) -> str:
    """Return the text, cut with an ellipsis where it is wider than `width` pixels."""
    if width_of(text, size) <= width:
        return text
    while text and width_of(text + "…", size) > width:
        text = text[:-1]
    return text + "…"


def _place(point_mm: np.ndarray) -> str:
    return "LPS (" + ", ".join(f"{v:.1f}" for v in point_mm) + ") mm"
