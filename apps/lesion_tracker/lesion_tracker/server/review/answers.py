"""Answers that several pages give alike: a refusal as a page, and a table to save."""

from fastapi.responses import HTMLResponse

from lesion_tracker.server.errors import refusal_or_raise
from lesion_tracker.server.review.pages import HEADERS, page


def refused(error: Exception, title: str) -> HTMLResponse:
    """Return the page that says why another one cannot be shown; a fault of ours is raised again."""
    refusal = refusal_or_raise(error)
    return HTMLResponse(page("error.html", text=refusal.text, title=title), refusal.status, headers=HEADERS)


def saved_as(what: str, patient_id: str, ending: str) -> dict[str, str]:
    """Return the headers of a file that a browser saves under a patient's id, as far as that makes a file's name."""
    safe = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in patient_id)
    return {**HEADERS, "Content-Disposition": f'attachment; filename="{what}_{safe}.{ending}"'}
