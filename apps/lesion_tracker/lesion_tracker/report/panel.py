"""One panel of the picture: a gray cut with crosshair, orientation letters, scale bar and, if given, the truth."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageColor, ImageDraw, ImageFont

from lesion_tracker.report.planes import Plane

Color = tuple[int, int, int]
INK: Color = (235, 235, 235)
FAINT: Color = (165, 170, 178)
TRUTH: Color = (255, 96, 224)
SHADOW: Color = (0, 0, 0)
MARGIN = 8
_FONT = str(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")


@dataclass(frozen=True)
class Marks:
    """What to draw over a cut.

    Args:
        color: of the crosshair.
        gap_mm: half of the gap that keeps the lesion itself free of lines, mm.
        caption: written in the upper left corner.
        truth_mm: where the truth lies to the right of and below the middle, mm; None draws none.
        truth_depth_mm: how far it lies before or behind the cut, mm.
    """

    color: Color
    gap_mm: float
    caption: str
    truth_mm: tuple[float, float] | None = None
    truth_depth_mm: float = 0.0


def rgb(color: str) -> Color:
    """Return "#rrggbb" as Pillow wants it."""
    red, green, blue = ImageColor.getrgb(color)[:3]
    return red, green, blue


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, which comes with Matplotlib, in a size in pixels: Latin, Greek, Cyrillic and more."""
    return ImageFont.truetype(_FONT, size)


@cache
def _drawn() -> frozenset[int]:
    return frozenset(FT2Font(_FONT).get_charmap())


def legible(text: str) -> str:
    """Return a text with the code points (U+5F20) of what the font cannot draw."""
    return "".join(one if ord(one) in _drawn() else f"U+{ord(one):04X} " for one in text).rstrip()


def width_of(text: str, size: int) -> float:
    """Return how many pixels a text is wide, as `write` draws it."""
    return float(font(size).getlength(legible(text)))


def draw_panel(gray: np.ndarray, plane: Plane, width_mm: float, marks: Marks) -> Image.Image:
    """Return a square panel.

    Args:
        gray: uint8, shape (pixels, pixels); the tracked point lies in its middle.
        plane: for the letters at the edges.
        width_mm: of the panel, mm.
        marks: what to draw over it.
    """
    image = Image.fromarray(gray).convert("RGB")
    draw = ImageDraw.Draw(image)
    size = image.width
    per_mm = size / width_mm
    _crosshair(draw, size, marks.gap_mm * per_mm, marks.color)
    if marks.truth_mm is not None:
        _truth(draw, size, per_mm, marks)
    draw_letters(draw, size, plane.letters)
    draw_scale_bar(draw, size, per_mm)
    write(draw, (MARGIN, MARGIN - 3), marks.caption, 14, FAINT)
    return image


def write(
    draw: ImageDraw.ImageDraw,
    at: tuple[int | float, int | float],
    text: str,
    size: int,
    color: Color,
    anchor: str = "la",
) -> None:
    """Write text that stays readable on any gray; `anchor` as in Pillow."""
    draw.text(at, legible(text), font=font(size), fill=color, anchor=anchor, stroke_width=1, stroke_fill=SHADOW)


def _crosshair(draw: ImageDraw.ImageDraw, size: int, gap: float, color: Color) -> None:
    middle = size / 2
    start, end = size * 0.1, size * 0.9
    gap = min(gap, size * 0.36)
    for low, high in ((start, middle - gap), (middle + gap, end)):
        for line in ([(low, middle), (high, middle)], [(middle, low), (middle, high)]):
            draw.line(line, fill=SHADOW, width=4)
            draw.line(line, fill=color, width=2)


def _truth(draw: ImageDraw.ImageDraw, size: int, per_mm: float, marks: Marks) -> None:
    right_mm, down_mm = marks.truth_mm or (0.0, 0.0)
    x, y = (size - 1) / 2 + right_mm * per_mm, (size - 1) / 2 + down_mm * per_mm
    if not (0 <= x < size and 0 <= y < size):
        return
    arm = 6
    for dx in (-1, 1):
        draw.line([(x - arm * dx, y - arm), (x + arm * dx, y + arm)], fill=SHADOW, width=4)
    for dx in (-1, 1):
        draw.line([(x - arm * dx, y - arm), (x + arm * dx, y + arm)], fill=TRUTH, width=2)
    if abs(marks.truth_depth_mm) >= 1.0:
        write(draw, (x + arm + 3, y - arm - 6), f"{marks.truth_depth_mm:+.0f} mm", 12, TRUTH)


def draw_letters(draw: ImageDraw.ImageDraw, size: int, letters: tuple[str, str, str, str], text_px: int = 17) -> None:
    """Write what lies at the left, right, upper and lower edge of a square panel of `size` pixels."""
    middle = size / 2
    places = (
        ((MARGIN, middle), "lm"),
        ((size - MARGIN, middle), "rm"),
        ((middle, MARGIN - 3), "ma"),
        ((middle, size - MARGIN + 3), "md"),
    )
    for letter, (at, anchor) in zip(letters, places, strict=True):
        write(draw, at, letter, text_px, INK, anchor)


def draw_scale_bar(draw: ImageDraw.ImageDraw, size: int, per_mm: float, text_px: int = 14) -> None:
    """Draw a bar of 5 to 100 mm into the lower right corner of a square panel of `size` pixels."""
    length_mm = max(length for length in (5, 10, 20, 50, 100) if length <= max(5.0, size / per_mm / 4))
    x, y = size - MARGIN - length_mm * per_mm, size - MARGIN - 4
    draw.rectangle([x - 1, y - 1, size - MARGIN + 1, y + 3], fill=SHADOW)
    draw.rectangle([x, y, size - MARGIN, y + 2], fill=INK)
    write(draw, (size - MARGIN, y - 4), f"{length_mm} mm", text_px, INK, "rd")
