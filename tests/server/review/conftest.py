"""A small server with the review page alone, on a drawn patient of three small studies."""

import json
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI

from lesion_tracker.arrays import PointMm
from lesion_tracker.readers.lines import now
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.server.bound import BoundMarks
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.errors import answer_errors
from lesion_tracker.server.followups import Followups
from lesion_tracker.server.results.gather import Results
from lesion_tracker.server.results.shown import Shown
from lesion_tracker.server.review.jobs import TrackJobs
from lesion_tracker.server.review.measuring import Measuring
from lesion_tracker.server.review.review import Review
from lesion_tracker.server.studies.datastore import StudyFolder
from lesion_tracker.server.volume_cache import digest_of
from lesion_tracker.settings import Settings
from lesion_tracker.studies.folder_catalog import FolderCatalog
from lesion_tracker.studies.folder_index import FolderIndex
from lesion_tracker.studies.study import Study
from lesion_tracker.tracking.options import TrackOptions
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.read_files import stamps_of
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have httpx's successor; MONAI Label's passlib loads crypt
    from fastapi.testclient import TestClient

    from lesion_tracker.server.results.response_routes import response_routes
    from lesion_tracker.server.review.drawn_sizes import DrawnSizes, drawn_size_routes
    from lesion_tracker.server.review.fates import fate_routes
    from lesion_tracker.server.review.routes import review_routes
    from lesion_tracker.server.review.traits import trait_routes

STUDIES = ("eve__20200101", "eve__20200701", "eve__20210101")
SHIFT_MM = (2.0, -1.0, 3.0)
ORIGIN_MM = np.array([-40.0, -30.0, -200.0])


class ShiftingEngine(Engine):
    """An engine whose tracker and registration know that the patient lies 2, -1, 3 mm further in each later study."""

    order: Sequence[str] = STUDIES

    def point_map(
        self, baseline: Study, followup: Study, near_mm: PointMm, *, compute: bool
    ) -> FollowupFromBaseline | None:
        """Return the shift between two studies."""
        matrix = np.eye(4)
        matrix[:3, 3] = np.array(SHIFT_MM) * (self.order.index(followup.id) - self.order.index(baseline.id))
        return FollowupFromBaseline("shift", matrix)

    def track(
        self,
        baseline: Study,
        followup: Study,
        lesions: Sequence[Lesion],
        options: TrackOptions | None = None,
        notes: Sequence[str] = (),
        former: Volume | None = None,
    ) -> tuple[list[Track], dict[str, float]]:
        """Return each lesion, shifted once a study."""
        steps = self.order.index(followup.id) - self.order.index(baseline.id)
        tracks = [
            Track(
                lesion_id=lesion.id,
                baseline_study=baseline.id,
                followup_study=followup.id,
                center_mm=_plus(lesion.center_mm, steps),
                expected_radius_mm=float(lesion.radius_mm),
                confidence=0.6,
                state="uncertain",
                expected_mm=_plus(lesion.center_mm, steps),
                method="shift",
                tracking_uid=lesion.tracking_uid,
                label=lesion.label,
                created_at=now(),
                baseline_mm=lesion.center_mm,
            )
            for lesion in lesions
        ]
        return tracks, {"total": 0.0}


def _plus(center_mm: tuple[float, float, float], steps: int) -> tuple[float, float, float]:
    x, y, z = (center_mm[axis] + steps * SHIFT_MM[axis] for axis in range(3))
    return x, y, z


@dataclass(frozen=True)
class Page:
    """The page and what stands behind it.

    Args:
        http: a client of it.
        marks: the store.
        volume: of the first study.
        review: what the page reads and changes.
    """

    http: TestClient
    marks: MarkStore
    volume: Volume
    review: Review

    def post(self, what: str, expect: int = 200, **body: Any) -> Any:
        """Send what a click sends."""
        answer = self.http.post(f"/lesions/{what}", json=body)
        assert answer.status_code == expect, answer.text
        return answer.json()

    def data(self, html: str) -> dict[str, Any]:
        """Return what the large view draws."""
        found = re.search(r'data-large="([^"]*)"', html)
        assert found is not None
        return dict(json.loads(unescape(found[1])))


def made_page(folder: Path, engine: Engine, *, follows: bool = False) -> tuple[FastAPI, MarkStore, Review]:
    """Return the page on a folder of studies that are there, or come and go; what it keeps, and what it reads."""
    store = MarkStore(folder / "labels")
    catalog = FolderCatalog(
        StudyFolder(FolderIndex(folder), store.retire, lambda entry: entry.path, auto_reload=follows)
    )
    application = FastAPI()
    answer_errors(application)
    bound = BoundMarks(store, engine)
    review = Review(catalog, store, engine, bound)
    jobs = TrackJobs(catalog, store, Followups(catalog, store, engine, bound))
    application.include_router(fate_routes(review, catalog, store))
    measuring = Measuring(catalog, store, engine, bound)
    application.state.shown = Shown(Results(catalog, store, engine, bound), measuring, engine)
    application.include_router(response_routes(application.state.shown))
    application.include_router(review_routes(review, jobs, catalog, engine, measuring))
    application.include_router(drawn_size_routes(DrawnSizes(review, catalog, store, engine, bound, measuring)))
    application.include_router(trait_routes(review, store))
    return application, store, review


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    rng = np.random.default_rng(7)
    grid = Grid.from_parts((40, 36, 20), np.array([2.0, 2.0, 4.0]), ORIGIN_MM, np.eye(3))
    volume = Volume(rng.integers(-900, 200, grid.shape).astype(np.int16), grid)
    for name in STUDIES:
        write_volume(volume, tmp_path / f"{name}.nii.gz")
    engine = ShiftingEngine(Settings(), tmp_path / "cache", tmp_path / "model")
    application, store, review = made_page(tmp_path, engine)
    on = digest_of(stamps_of(tmp_path / f"{STUDIES[0]}.nii.gz"))
    store.mark(STUDIES[0], [Lesion("lesion_1", (0.0, 0.0, -160.0), 6.0, marked_by="dr a")], on)
    with TestClient(application) as http:
        yield Page(http, store, volume, review)
