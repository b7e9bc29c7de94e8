"""Lines, texts and marks of an SVG chart; ink takes the colour of the page that it stands on."""

from collections.abc import Sequence
from xml.etree import ElementTree as Svg

Point = tuple[float, float]
"""Pixels, from the top left."""

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a6761d")
"""Told apart by most colour-blind people (Okabe and Ito), and each at least 3:1 on white and on the pages' dark ground."""

DASHES = ("", "7 3", "2 3", "9 3 2 3")
MARKERS = (
    "M-4 0A4 4 0 1 0 4 0A4 4 0 1 0-4 0Z",
    "M-3.6-3.6H3.6V3.6H-3.6Z",
    "M0-4.8L4.6 3.4H-4.6Z",
    "M0-5L5 0L0 5L-5 0Z",
    "M0 4.8L4.6-3.4H-4.6Z",
    "M-5-1.5H-1.5V-5H1.5V-1.5H5V1.5H1.5V5H-1.5V1.5H-5Z",
)
"""Round 0, 0: circle, square, triangle, diamond, triangle downwards, cross."""


def chart_of(width: float, high: float, title: str, about: str) -> Svg.Element:
    """Return an empty chart.

    Args:
        width: px.
        high: px.
        title: read aloud.
        about: likewise: where the same stands in words.
    """
    box = {"viewBox": f"0 0 {width:g} {high:g}", "width": f"{width:g}", "height": f"{high:g}"}
    font = {"font-family": "system-ui, DejaVu Sans, sans-serif", "font-size": "12"}
    names = {"class": "chart", "role": "img", "aria-label": f"{title}. {about}", "fill": "currentColor"}
    chart = Svg.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **box, **font, **names})
    Svg.SubElement(chart, "title").text = title
    return chart


def text(chart: Svg.Element, at: Point, words: str, **more: str) -> None:
    """Write at a place; `anchor` is start, middle or end."""
    anchor = {"text-anchor": more.pop("anchor", "start")}
    Svg.SubElement(chart, "text", {"x": f"{at[0]:.1f}", "y": f"{at[1]:.1f}", **anchor, **_named(more)}).text = words


def line(chart: Svg.Element, points: Sequence[Point], **more: str) -> None:
    """Draw a line through points."""
    given = {"points": " ".join(f"{x:.1f},{y:.1f}" for x, y in points), "fill": "none", "stroke": "currentColor"}
    Svg.SubElement(chart, "polyline", {**given, **_named(more)})


def mark(chart: Svg.Element, at: Point, shape: str, color: str, words: str, *, filled: bool = True) -> None:
    """Draw a marker with a text for whoever points at it.

    Args:
        chart: the chart.
        at: its place.
        shape: one of MARKERS.
        color: of it.
        words: shown by the pointer.
        filled: hollow where not.
    """
    given = {"d": shape, "transform": f"translate({at[0]:.1f} {at[1]:.1f})", "stroke": color, "stroke-width": "1.5"}
    one = Svg.SubElement(chart, "path", {**given, "fill": color if filled else "none"})
    Svg.SubElement(one, "title").text = words


def rectangle(chart: Svg.Element, at: Point, size: Point, color: str, opacity: str, words: str) -> None:
    """Draw a framed bar with a text for whoever points at it."""
    place = {"x": f"{at[0]:.1f}", "y": f"{at[1]:.1f}", "width": f"{size[0]:.1f}", "height": f"{size[1]:.1f}"}
    look = {"fill": color, "fill-opacity": opacity, "stroke": "currentColor"}
    Svg.SubElement(Svg.SubElement(chart, "rect", {**place, **look}), "title").text = words


def spread(wanted: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Return places near the wanted ones, in their order, at least so far apart, and between low and high where they fit."""
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    places = [0.0] * len(wanted)
    last = low - least
    for k in order:
        places[k] = last = max(wanted[k], last + least)
    bound = high + least
    for k in reversed(order):
        places[k] = bound = min(places[k], bound - least)
    return places


def as_text(chart: Svg.Element) -> str:
    """Return the chart as it stands in a page."""
    return Svg.tostring(chart, encoding="unicode")


def _named(more: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in more.items()}
