"""A crop that a reader clicks: a square cut round a point, drawn as PNG, and the exact mm position of each pixel."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from lesion_tracker.arrays import PointMm
from lesion_tracker.readers.cell_size import Size
from lesion_tracker.records.state import OUTSIDE, SHOWN, UNCERTAIN
from lesion_tracker.report.drawn_size import draw_size
from lesion_tracker.report.panel import FAINT, INK, SHADOW, Color, draw_letters, draw_scale_bar, font, rgb, write
from lesion_tracker.report.planes import BONE, LUNG, PLANES, SOFT_TISSUE, Plane, Window, cut, window_for
from lesion_tracker.volumes.volume import Volume

COLORS = {name: rgb(one.color) for name, one in SHOWN.items()}
"""Whose point it is: a reader's, or the tracker's by its state."""

WINDOWS: dict[str, Window] = {"lung": LUNG, "soft": SOFT_TISSUE, "bone": BONE}
SMALL_PX = 240
"""Below this size of a crop its writing is smaller, and says less."""

TINY_PX = 100
"""Below this size nothing is written on it."""


@dataclass(frozen=True, eq=False)
class CropView:
    """Where a crop lies in the patient.

    Pixel (0, 0) is the upper left one; whole numbers are the centres of pixels.

    Args:
        plane: which cut.
        center_mm: LPS mm; the middle of the crop.
        width_mm: of the square, mm.
        pixels: of the square, along each side.
    """

    plane: Plane
    center_mm: PointMm
    width_mm: float
    pixels: int

    @property
    def mm_per_pixel(self) -> float:
        """Size of a pixel, mm."""
        return self.width_mm / self.pixels

    def pixel_from_lps(self, point_mm: PointMm) -> tuple[float, float]:
        """Return the continuous pixel onto which a patient position falls, seen along the cut's normal."""
        right, down = self.plane.offset_mm(self.center_mm, point_mm)
        middle = (self.pixels - 1) / 2
        return right / self.mm_per_pixel + middle, down / self.mm_per_pixel + middle


@dataclass(frozen=True, eq=False)
class CropMarks:
    """What is drawn over a crop.

    Args:
        color: of the crosshair in the middle.
        gap_mm: half of the gap that keeps the lesion itself free of lines, mm.
        other_mm: a second point, LPS mm, drawn as a small x: where the tracker had put the lesion.
        size: the lesion's outline and axes; an axial crop then shows their slice.
    """

    color: Color
    gap_mm: float
    other_mm: PointMm | None = None
    size: Size | None = None


def crop_png(
    volume: Volume, views: Sequence[CropView], window: Window, marks: CropMarks, *, below: bool = False
) -> bytes:
    """Return crops as one PNG: side by side; smaller ones below each other beside the first, or side by side below it.

    Args:
        volume: any orientation.
        views: of the same number of pixels, or all but the first of half as many.
        window: which HU are shown.
        marks: drawn over each.
        below: where smaller ones go.
    """
    pixels = views[0].pixels
    smaller = [view for view in views if view.pixels < pixels]
    places = [(number * pixels, 0) for number in range(len(views) - len(smaller))]
    for number, view in enumerate(smaller):
        places.append((number * view.pixels, pixels) if below else (pixels, number * view.pixels))
    size = [max(place[axis] + view.pixels for place, view in zip(places, views, strict=True)) for axis in (0, 1)]
    picture = Image.new("RGB", (size[0], size[1]))
    for view, place in zip(views, places, strict=True):
        picture.paste(draw_crop(volume, view, window, marks), place)
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=3)
    return file.getvalue()


def draw_crop(volume: Volume, view: CropView, window: Window, marks: CropMarks) -> Image.Image:
    """Return one crop with crosshair, orientation letters and scale bar; an axial one in the slice of the lesion's axes."""
    size_here = marks.size if view.plane.name == "axial" else None
    if size_here is not None:
        view = replace(view, center_mm=np.array([*view.center_mm[:2], size_here.slice_mm]))
    gray = window.gray(cut(volume, view.plane, view.center_mm, view.width_mm, view.pixels))
    image = Image.fromarray(gray).convert("RGB")
    draw = ImageDraw.Draw(image)
    small = view.pixels < SMALL_PX
    _crosshair(draw, view, marks)
    if marks.other_mm is not None:
        _cross(draw, view.pixel_from_lps(marks.other_mm))
    if size_here is not None:
        axes = (size_here.long_ends_mm, size_here.short_ends_mm)
        draw_size(draw, view.pixel_from_lps, size_here.rings, axes, 1 if small else 2)
    if view.pixels < TINY_PX:
        return image
    draw_letters(draw, view.pixels, view.plane.letters, 11 if small else 16)
    draw_scale_bar(draw, view.pixels, 1 / view.mm_per_pixel, 10 if small else 13)
    axis = int(np.argmax(np.abs(np.cross(view.plane.right, view.plane.down))))
    place = f"{'xyz'[axis]} {view.center_mm[axis]:.1f}"
    size, edge = (10, 3) if small else (13, 8)
    room = view.pixels / 2 - edge - size  # up to the letter in the middle
    texts = [f"{place} mm"] if small else [f"{view.plane.name}  {place} mm", f"{place} mm"]
    fits = next((text for text in texts if font(size).getlength(text) < room), place)
    write(draw, (edge, edge - 2), fits, size, INK)
    if not small:
        write(draw, (edge, view.pixels - edge), window.name, size, FAINT, "ld")
    if not bool(volume.grid.contains(view.center_mm[None])[0]):
        write(
            draw,
            (view.pixels / 2, view.pixels * 0.7),
            "outside of the scan",
            11 if small else 16,
            COLORS[OUTSIDE.name],
            "mm",
        )
    return image


def window_named(name: str, volume: Volume, center_mm: PointMm, radius_mm: float) -> Window:
    """Return a window by its name; any other name lets the surroundings of the lesion decide (lung or soft tissue)."""
    return WINDOWS[name] if name in WINDOWS else window_for(volume, center_mm, radius_mm)


def views_of(center_mm: PointMm, width_mm: float, pixels: int, planes: Sequence[str] = ()) -> list[CropView]:
    """Return the views of the named planes through a point; of all three without names."""
    return [CropView(plane, center_mm, width_mm, pixels) for plane in PLANES if not planes or plane.name in planes]


def _crosshair(draw: ImageDraw.ImageDraw, view: CropView, marks: CropMarks) -> None:
    middle = (view.pixels - 1) / 2
    gap = min(max(marks.gap_mm / view.mm_per_pixel, 5.0), view.pixels * 0.3)
    low, high = view.pixels * 0.13, view.pixels * 0.87
    for start, end in ((low, middle - gap), (middle + gap, high)):
        for line in ([(start, middle), (end, middle)], [(middle, start), (middle, end)]):
            draw.line(line, fill=SHADOW, width=3)
            draw.line(line, fill=marks.color, width=1)


def _cross(draw: ImageDraw.ImageDraw, at: tuple[float, float]) -> None:
    x, y = at
    for width, color in ((3, SHADOW), (1, COLORS[UNCERTAIN.name])):
        draw.line([(x - 5, y - 5), (x + 5, y + 5)], fill=color, width=width)
        draw.line([(x - 5, y + 5), (x + 5, y - 5)], fill=color, width=width)
