"""The page of a patient's response: the table by RECIST 1.1, what each lesion is, and what follows from it."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from lesion_tracker.report.course_chart import course_chart
from lesion_tracker.report.patient_table import notes_of
from lesion_tracker.report.response_table import response_table
from lesion_tracker.server import addresses
from lesion_tracker.server.errors import refusal_or_raise
from lesion_tracker.server.results.shown import Shown
from lesion_tracker.server.review.pages import HEADERS, page
from lesion_tracker.server.who import signed


def response_routes(shown: Shown) -> APIRouter:
    """Return the routes.

    Args:
        shown: knows what is stored of patients.
    """
    router = APIRouter(tags=["Results"])

    @router.get(addresses.RESPONSE, response_class=HTMLResponse)
    def response(patient: str) -> Response:
        try:
            html = page("response.html", **_values(shown, patient), login=signed())
        except Exception as error:
            refusal = refusal_or_raise(error)
            html = page("error.html", text=refusal.text, title="Response")
            return HTMLResponse(html, refusal.status, headers=HEADERS)
        return HTMLResponse(html, headers=HEADERS)

    return router


def _values(shown: Shown, patient_id: str) -> dict[str, Any]:
    known = shown.patient(patient_id)
    organs = sorted({one.traits.organ for one in known.result.lesions} - {""}, key=str.casefold)
    return {
        "known": known,
        "patient": known.result,
        "table": response_table(known.result),
        "chart": Markup(course_chart(known.result)),
        "notes": notes_of(known.result),
        "organs": organs,
        "title": f"Response of {patient_id}",
    }
