"""The pages of the response: a patient's table by RECIST 1.1, the one to print with its pictures, tables, and the cohort."""

import hashlib
import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse, Response
from markupsafe import Markup

from lesion_tracker.errors import NotFound
from lesion_tracker.report.course_chart import course_chart
from lesion_tracker.report.dicom_results import is_dicom
from lesion_tracker.report.measured_picture import course_picture
from lesion_tracker.report.patient_folder import patient_page
from lesion_tracker.report.patient_table import lesion_in_words, notes_of, results_csv, results_json
from lesion_tracker.report.response_table import response_table
from lesion_tracker.report.waterfall import bar_of, waterfall
from lesion_tracker.server import addresses
from lesion_tracker.server.results.shown import Shown, ShownPatient
from lesion_tracker.server.review.answers import refused, saved_as
from lesion_tracker.server.review.pages import HEADERS, page
from lesion_tracker.server.who import signed

PRINTED = {
    **HEADERS,
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'",
}


def response_routes(shown: Shown, *, on_pacs: bool = False, pacs_write: bool = False) -> APIRouter:
    """Return the routes.

    Args:
        shown: knows what is stored of patients.
        on_pacs: the studies lie on a PACS, where reports are looked for.
        pacs_write: the operator lets this server write to it.
    """
    router = APIRouter(tags=["Results"])

    @router.get(addresses.RESPONSE, response_class=HTMLResponse)
    def response(patient: str) -> Response:
        able = {"on_pacs": on_pacs, "pacs_write": on_pacs and pacs_write, "login": signed()}
        return _page(lambda: page("response.html", **_values(shown.patient(patient), on_pacs), **able))

    @router.get(addresses.PAPER, response_class=HTMLResponse)
    def paper(patient: str) -> Response:
        return _page(lambda: _paper(shown.patient(patient)), PRINTED)

    @router.get(addresses.WATERFALL, response_class=HTMLResponse)
    def cohort() -> Response:
        return _page(lambda: _cohort(shown))

    @router.get(addresses.COURSE)
    def course(patient: str, lesion: str) -> Response:
        known = shown.patient(patient).result
        if lesion not in {one.id for one in known.lesions}:
            raise NotFound(f"patient {patient!r} has no lesion {lesion!r}")
        png = io.BytesIO()
        course_picture(lesion, known.studies, shown.volume).save(png, "PNG")
        return Response(png.getvalue(), media_type="image/png", headers=HEADERS)

    @router.get(addresses.RESULTS_TABLE)
    def table(patient: str) -> Response:
        text = results_csv(shown.patient(patient).result)
        return Response(
            text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=saved_as("results", patient, "csv")
        )

    @router.get(addresses.RESULTS)
    def values(patient: str) -> Response:
        return JSONResponse(results_json(shown.patient(patient).result), headers=saved_as("results", patient, "json"))

    return router


def _page(made: Callable[[], str], headers: dict[str, str] = HEADERS) -> Response:
    try:
        html = made()
    except Exception as error:
        return refused(error, "Response")
    return HTMLResponse(html, headers=headers)


def _values(known: ShownPatient, on_pacs: bool) -> dict[str, Any]:
    result = known.result
    return {
        "known": known,
        "patient": result,
        "table": response_table(result),
        "chart": Markup(course_chart(result)),
        "notes": notes_of(result),
        "organs": sorted({one.traits.organ for one in result.lesions} - {""}, key=str.casefold),
        "dicom": {one.study.id for one in result.studies if on_pacs or is_dicom(one.study.path)},
        "title": f"Response of {result.patient_id}",
    }


def _paper(known: ShownPatient) -> str:
    result = known.result

    def picture(lesion: str) -> str:
        seen = repr([one.of(lesion) for one in result.studies])  # another address once the picture is another one
        version = hashlib.blake2s(seen.encode(errors="replace"), digest_size=8).hexdigest()
        return f"course.png?{urlencode({'patient': result.patient_id, 'lesion': lesion, 'version': version})}"

    pictures = [(lesion_in_words(result, lesion.id), picture(lesion.id)) for lesion in result.lesions]
    back = f"response?{urlencode({'patient': result.patient_id})}"
    return patient_page(result, pictures, reader=signed(), css_at="paper.css", back=back)


def _cohort(shown: Shown) -> str:
    every, damaged = shown.every()
    bars = [bar_of(one.patient_id, one.response, len(one.studies)) for one in every]
    chart = Markup(waterfall(bars))
    return page(
        "waterfall.html", bars=bars, damaged=damaged, chart=chart, title="Response of all patients", login=signed()
    )
