"""A patient's lesion graph and measured axes to the studies that the rules of response take."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lesion_tracker.readers.lesion_graph import LesionGraph
from lesion_tracker.response.assessment import Assessment
from lesion_tracker.response.recist import assess
from lesion_tracker.response.visit import Visit

Axes = tuple[float | None, float | None]
"""Long and short axis, mm; None where it was not measured."""


@dataclass(frozen=True)
class Measured:
    """What the rules need of a study beside the graph.

    Args:
        axes: by lesion id.
        date: YYYYMMDD, or "".
        slice_mm: the slices' thickness or, where it is larger, their distance; None where unknown.
    """

    axes: Mapping[str, Axes] = field(default_factory=dict)
    date: str = ""
    slice_mm: float | None = None


def visits_of(graph: LesionGraph, measured: Mapping[str, Measured]) -> list[Visit]:
    """Return the studies, earliest first; a study that is not in `measured` has no axes."""
    return [_visit(graph, study, measured.get(study, Measured())) for study in graph.studies]


def response_of(graph: LesionGraph, measured: Mapping[str, Measured]) -> list[Assessment]:
    """Return the response in each study; see `lesion_tracker.response.recist.assess`."""
    return assess(list(graph.lesions.values()), visits_of(graph, measured))


def _visit(graph: LesionGraph, study: str, measured: Measured) -> Visit:
    seen = {}
    for name, one in graph.seen[study].items():
        long_mm, short_mm = measured.axes.get(name, (None, None))
        seen[name] = replace(one, long_axis_mm=long_mm, short_axis_mm=short_mm)
    return Visit(study, seen, measured.date, measured.slice_mm)
