"""Processor time of what a track reads and writes around its computing, and of a patient's timeline on the review page.

Without the type checks that tests switch on.

`python tests/server/viewers/around_a_track.py FOLDER`: a folder of studies with marks, made by test_many_marks.py.
"""

import sys
import time
import warnings
from pathlib import Path

from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.sources import Known, sources_of
from lesion_tracker.records.track import Track

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # monailabel's imports
    from lesion_tracker.server.bound import BoundMarks
    from lesion_tracker.server.engine import Engine
    from lesion_tracker.server.review.measuring import Measuring
    from lesion_tracker.server.review.pages import page
    from lesion_tracker.server.review.review import Review
    from lesion_tracker.server.studies.datastore import StudyFolder
    from lesion_tracker.settings import Settings
    from lesion_tracker.studies.folder_catalog import FolderCatalog
    from lesion_tracker.studies.folder_index import FolderIndex

BEFORE, AFTER = "p7__20200101", "p7__20210101"


def main(folder: Path) -> None:
    """Print how many marks the baseline has, and the seconds of the second round: a server reads the histories once."""
    datastore = StudyFolder(FolderIndex(folder), lambda _: None, lambda entry: entry.path, auto_reload=False)
    catalog, marks = FolderCatalog(datastore), MarkStore(folder / "labels")
    engine = Engine(Settings(), folder / "cache", folder / "model")
    bound = BoundMarks(marks, engine)
    review, measuring = Review(catalog, marks, engine, bound), Measuring(catalog, marks, engine, bound)
    center = (1.0, 20.0, 30.0)
    for _ in range(2):
        started = time.process_time()
        followup = catalog.study(AFTER)
        (source,) = sources_of(Known(catalog, marks, lambda study, lesion: True), followup, "", ())
        count = len(source.lesions)
        made = Track("lesion_1", source.study.id, AFTER, center, 6.0, 0.5, "found", center, "affine")
        marks.add_tracks(AFTER, [made])
        tracked = time.process_time()
        known = review.patient("p7")
        html = page("patient.html", review=known, measured=measuring.known("p7"), title="p7", login="")
        shown = time.process_time()
    assert html.count('data-lesion="lesion_0"') > 0
    sys.stdout.write(f"{count} {tracked - started} {shown - tracked}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
