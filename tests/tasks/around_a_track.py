"""Processor time of what a track reads and writes around its computing, without the type checks that tests switch on.

`python tests/tasks/around_a_track.py FOLDER`: a folder of studies with marks, made by test_many_marks.py.
"""

import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "apps" / "lesion_tracker"))

from lib.correction.mark_store import MarkStore
from lib.tracking.records import Track

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # monailabel's imports
    from lib.tasks.catalog import Catalog
    from lib.tasks.datastore import StudyFolder

BEFORE, AFTER = "p7__20200101", "p7__20210101"


def main(folder: Path) -> None:
    """Print how many marks the baseline has, and the seconds of the second round: a server reads the histories once."""
    datastore = StudyFolder(str(folder), lambda _: None, auto_reload=False)
    catalog, marks = Catalog(datastore), MarkStore(folder / "labels")
    center = (1.0, 20.0, 30.0)
    for _ in range(2):
        started = time.process_time()
        followup = catalog.study(AFTER)
        marked = marks.studies("lesions")
        baseline = catalog.baseline_of(followup, lambda name, marked=marked: name in marked)
        count = len(marks.lesions(baseline.id))
        marks.add_tracks(AFTER, [Track("lesion_1", baseline.id, AFTER, center, 6.0, 0.5, "found", center, "affine")])
        seconds = time.process_time() - started
    sys.stdout.write(f"{count} {seconds}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
