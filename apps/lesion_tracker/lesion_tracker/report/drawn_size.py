"""Outline and both axes drawn over an axial cut, in the slice in which they were measured."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from PIL import ImageDraw

from lesion_tracker.records.json_record import Ends, Point
from lesion_tracker.report.panel import SHADOW, Color, rgb

AXIS: Color = rgb("#fff04d")
OUTLINE: Color = rgb("#00d8c8")
Ring = Sequence[Point]


def draw_size(
    draw: ImageDraw.ImageDraw,
    pixel_from_lps: Callable[[np.ndarray], tuple[float, float]],
    rings: Sequence[Ring],
    axes: Sequence[Ends],
    width: int = 2,
) -> None:
    """Draw closed rings, then the axes over them.

    Args:
        draw: the picture.
        pixel_from_lps: takes an LPS point to its pixel.
        rings: of the slice that is shown, LPS mm.
        axes: their end points, LPS mm.
        width: of the axes' lines, pixels.
    """
    for ring in rings:
        for both in pairwise(pixel_from_lps(np.array(point)) for point in ring):
            draw.line(both, fill=OUTLINE, width=1)
    for ends in axes:
        line = [pixel_from_lps(np.array(point)) for point in ends]
        draw.line(line, fill=SHADOW, width=width + 2)
        draw.line(line, fill=AXIS, width=width)
