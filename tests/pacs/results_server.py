"""The routes of results in this process, before a stand-in for a PACS."""

import warnings
from pathlib import Path
from typing import Any

import pydicom
from fastapi import FastAPI

from lesion_tracker.pacs.catalog import PacsCatalog
from lesion_tracker.readers.fate_store import FateStore
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.server.bound import BoundMarks
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.errors import answer_errors
from lesion_tracker.server.results.found import FoundReports
from lesion_tracker.server.results.gather import Results
from lesion_tracker.server.results.routes import pacs_results_routes, results_routes
from lesion_tracker.server.review.review import Review
from lesion_tracker.settings import Settings
from tests.pacs.conftest import pacs_on
from tests.pacs.dialects import DialectPacs

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have httpx's successor
    from fastapi.testclient import TestClient


class Server:
    """The routes of results, on a PACS.

    Args:
        pacs: the PACS.
        folder: for marks, cache and files.
        pacs_write: as the setting.
    """

    def __init__(self, pacs: DialectPacs, folder: Path, *, pacs_write: bool) -> None:
        self.pacs = pacs
        found = pacs_on(pacs.dicom_web, folder)
        self.marks = MarkStore(folder / "labels")
        self.fates = FateStore(self.marks)
        catalog = PacsCatalog(found, self.marks.in_use)
        engine = Engine(Settings(), folder / "cache", folder / "model", catalog.fetch, found.read)
        bound = BoundMarks(self.marks, engine)
        results = Results(catalog, self.marks, engine, bound)
        review = Review(catalog, self.marks, engine, bound)
        reports = FoundReports(found.web, results, review, self.marks, engine, bound)
        application = FastAPI()
        answer_errors(application)
        application.include_router(results_routes(results, catalog))
        application.include_router(pacs_results_routes(results, reports, catalog, found.web, pacs_write=pacs_write))
        self.http = TestClient(application)

    def store(self, series: str, expect: int = 200, **more: str) -> dict[str, Any]:
        """Ask for a study's results to be stored."""
        answer = self.http.post("/lesions/store", json={"study": series, "reader": "ann", **more})
        assert answer.status_code == expect, answer.text
        return dict(answer.json())

    @property
    def stored(self) -> dict[str, pydicom.Dataset]:
        """What the PACS was given, by SOPClassUID."""
        found = [pydicom.dcmread(path) for path in sorted((self.pacs.folder / "stored").glob("*.dcm"))]
        assert len({one.SOPClassUID for one in found}) == len(found)
        return {one.SOPClassUID: one for one in found}
