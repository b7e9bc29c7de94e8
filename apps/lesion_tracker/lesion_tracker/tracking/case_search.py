"""The network's search for a case: apart from `search`, which training runs where no registration can be computed."""

from lesion_tracker.network.inputs import hu_source
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.tracking.case import Case
from lesion_tracker.tracking.search import NetworkAnswer, search_sources


def search(tracker: Tracker, case: Case) -> NetworkAnswer:
    """Look for a lesion round the place where registration expects it, as `search_sources`."""
    return search_sources(
        tracker,
        hu_source(case.pair.baseline),
        (case.center_mm, case.radius_mm),
        hu_source(case.pair.followup),
        (case.expected_mm, case.expected_radius_mm),
    )
