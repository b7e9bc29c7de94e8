"""The picture of a lesion's course: in each study the slice of its axes, with outline and axes where they were measured."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from lesion_tracker.records.fate import FATES
from lesion_tracker.report.crop import CropView
from lesion_tracker.report.drawn_size import draw_size
from lesion_tracker.report.panel import FAINT, INK, SHADOW, draw_letters, draw_scale_bar, write
from lesion_tracker.report.patient_results import LesionResult, StudyResult
from lesion_tracker.report.planes import PLANES, Window, cut, window_for
from lesion_tracker.studies.study import Study
from lesion_tracker.volumes.volume import Volume

PIXELS = 360
HEADING = 46
WIDEST_MM, NARROWEST_MM = 200.0, 60.0
PAPER = (255, 255, 255)
LESION_SHARE = 3.0
"""So many times the longest axis of all studies a picture is wide."""

IN_A_ROW = 4


def course_picture(lesion_id: str, studies: Sequence[StudyResult], volume_of: Callable[[Study], Volume]) -> Image.Image:
    """Return one panel a study, four in a row, of one width in mm and one window, the slice of the axes if there are some.

    Args:
        lesion_id: the lesion.
        studies: earliest first; those that know nothing of it are left out.
        volume_of: reads a study.
    """
    seen = [(one, found) for one in studies if (found := one.of(lesion_id)) is not None]
    longest = max((found.seen.long_axis_mm or 0.0 for _, found in seen), default=0.0)
    width_mm = float(np.clip(LESION_SHARE * longest, NARROWEST_MM, WIDEST_MM))
    high = PIXELS + HEADING
    rows, columns = max(1, -(-len(seen) // IN_A_ROW)), min(IN_A_ROW, max(len(seen), 1))
    picture = Image.new("RGB", (PIXELS * columns, high * rows), PAPER if rows > 1 else SHADOW)
    window: Window | None = None
    for number, (study, found) in enumerate(seen):
        panel, window = _panel(study, found, width_mm, volume_of, window)
        picture.paste(panel, (number % IN_A_ROW * PIXELS, number // IN_A_ROW * high))
    return picture


def axes_in_words(found: LesionResult) -> str:
    """Return what stands in a table of a lesion in a study."""
    seen = found.seen
    if seen.long_axis_mm is not None:
        words = f"{seen.long_axis_mm:.1f} × {seen.short_axis_mm or 0:.1f} mm"
        return words if seen.fate == "present" else f"{words}, {FATES[seen.fate].words}"
    return FATES[seen.fate].words + (f" ({', '.join(seen.others)})" if seen.others else "")


def _panel(
    study: StudyResult,
    found: LesionResult,
    width_mm: float,
    volume_of: Callable[[Study], Volume],
    window: Window | None,
) -> tuple[Image.Image, Window | None]:
    """Return the panel of a study, and the window of all: that of the first study that has one."""
    panel = Image.new("RGB", (PIXELS, PIXELS + HEADING), SHADOW)
    draw = ImageDraw.Draw(panel)
    write(draw, (6, 3), f"{study.study.study_date or study.study.id}", 16, INK)
    write(draw, (6, 24), axes_in_words(found) + ("" if found.seen.confirmed else ", not looked at"), 14, FAINT)
    if found.place_mm is not None:
        volume, size = volume_of(study.study), found.size
        center = np.array(found.place_mm) if size is None else np.mean(size.long_ends_mm, axis=0)
        window = window or window_for(volume, center, (found.seen.long_axis_mm or 10.0) / 2)
        panel.paste(_cut(found, CropView(PLANES[0], center, width_mm, PIXELS), volume, window), (0, HEADING))
    return panel, window


def _cut(found: LesionResult, view: CropView, volume: Volume, window: Window) -> Image.Image:
    size, center = found.size, view.center_mm
    gray = window.gray(cut(volume, view.plane, center, view.width_mm, PIXELS))
    image = Image.fromarray(gray).convert("RGB")
    draw = ImageDraw.Draw(image)
    if size is not None:
        draw_size(draw, view.pixel_from_lps, size.rings, (size.long_ends_mm, size.short_ends_mm))
    draw_letters(draw, PIXELS, view.plane.letters, 14)
    draw_scale_bar(draw, PIXELS, 1 / view.mm_per_pixel, 12)
    write(draw, (8, PIXELS - 6), f"z {center[2]:.1f} mm", 12, FAINT, "ld")
    return image
