"""The routes of results: a study's report and masks to download; on a PACS, to store there."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from lesion_tracker.errors import NotFound
from lesion_tracker.pacs.dicomweb import DicomWeb
from lesion_tracker.report.dicom_results import file_of
from lesion_tracker.server import addresses
from lesion_tracker.server.results.found import FoundReports
from lesion_tracker.server.results.gather import Results
from lesion_tracker.server.results.stored import store_results
from lesion_tracker.server.review.shared_routes import require_json
from lesion_tracker.server.who import signed
from lesion_tracker.studies.catalog import Catalog


class Take(BaseModel):
    """A reader takes a lesion of a report over.

    Args:
        reader: who; on a server with log-in the log-in counts.
        study: the series.
        report: SOPInstanceUID of the report.
        tracking_uid: of the lesion in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reader: Annotated[str, Field(max_length=64)] = ""
    study: Annotated[str, Field(min_length=1, max_length=256)]
    report: Annotated[str, Field(min_length=1, max_length=64)]
    tracking_uid: Annotated[str, Field(max_length=64)]


class Store(BaseModel):
    """A reader wants a study's results in the PACS.

    Args:
        reader: who; on a server with log-in the log-in counts.
        study: whose results.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reader: Annotated[str, Field(max_length=64)] = ""
    study: Annotated[str, Field(min_length=1, max_length=256)]


def results_routes(results: Results, catalog: Catalog) -> APIRouter:
    """Return the routes that any server has.

    Args:
        results: measures.
        catalog: the studies.
    """
    router = APIRouter(tags=["Results"])

    @router.get(addresses.REPORT_FILE)
    def report(study: str) -> Response:
        return download(study, "report")

    @router.get(addresses.MASKS_FILE)
    def masks(study: str) -> Response:
        return download(study, "masks")

    def download(study: str, what: str) -> Response:
        found = results.dicom(catalog.study(study), signed()).files.get(what)
        if found is None:
            raise NotFound(f"no lesion of {study} has an outline: there are no masks")
        headers = {
            "Content-Disposition": f'attachment; filename="{what}_{found.SOPInstanceUID}.dcm"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        return Response(file_of(found), media_type="application/dicom", headers=headers)

    return router


def pacs_results_routes(
    results: Results, found: FoundReports, catalog: Catalog, web: DicomWeb, *, pacs_write: bool
) -> APIRouter:
    """Return the routes that a server on a PACS has beside.

    Args:
        results: measures.
        found: looks for reports there.
        catalog: the studies.
        web: the PACS.
        pacs_write: whether the operator lets this server write to it.
    """
    router = APIRouter(tags=["Results"])

    @router.post(addresses.STORE, dependencies=[Depends(require_json)])
    def store(body: Store) -> dict[str, Any]:
        study = catalog.study(body.study)
        done = store_results(results, web, study, signed(body.reader), allowed=pacs_write)
        return {"done": done.words, "stored": done.stored, "there": done.there, "left_out": done.left_out}

    @router.get(addresses.FOUND)
    def offered(study: str) -> dict[str, Any]:
        known = found.offered(catalog.study(study))
        shown = [{**one.found.to_json(), "lesion": one.lesion_id, "why": one.why} for one in known.offers]
        return {"offers": shown, "passed_over": known.passed_over}

    @router.post(addresses.TAKE, dependencies=[Depends(require_json)])
    def take(body: Take) -> dict[str, Any]:
        study = catalog.study(body.study)
        name = found.take(study, body.report, body.tracking_uid, signed(body.reader))
        return {"done": f"{name} taken over", "lesion": name, "studies": [study.id]}

    return router
