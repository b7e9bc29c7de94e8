"""The pages of the review as HTML: templates with every value escaped, and the files that they load."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lesion_tracker.errors import NotFound
from lesion_tracker.places import PACKAGE
from lesion_tracker.readers.cell_size import growth
from lesion_tracker.records.fate import GONE, MERGED, NEW, NOT_ASSESSED, PERHAPS_NEW, PROGRESSED, SPLIT, TOO_SMALL
from lesion_tracker.records.quantity import quantities_in_words
from lesion_tracker.records.state import OPEN, SHOWN
from lesion_tracker.report.crop import WINDOWS
from lesion_tracker.report.patient_folder import STYLE
from lesion_tracker.server.review.links import AT, crop, crop_rest, like, place, version

FOLDER = PACKAGE / "server" / "review" / "web"
FILES = {
    "states.css": "text/css",
    "review.css": "text/css",
    "review.js": "text/javascript",
    "grid.js": "text/javascript",
    "planes.js": "text/javascript",
    "large.js": "text/javascript",
    "sizes.js": "text/javascript",
    "axes.js": "text/javascript",
    "fates.js": "text/javascript",
    "response.js": "text/javascript",
    "response.css": "text/css",
    "paper.css": "text/css",
}
"""What the pages load beside images."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Nothing comes from elsewhere, nothing goes elsewhere, and no browser keeps a page.

A page with the policy no-referrer would send its log-out form without its origin, as a foreign page does.
"""

WINDOW_NUMBERS = {name: (window.center_hu, window.width_hu) for name, window in WINDOWS.items()}
"""Centre and width in HU of the windows that have a name on the pages."""

PIECES = 500
"""Of a template's output that are sent at once: about five rows."""

FIRST_ROWS = 20
"""Of a patient's lesions, with which the page is at work while the others are still sent."""

SAYABLE = (GONE, TOO_SMALL, MERGED, SPLIT, NEW, PERHAPS_NEW, PROGRESSED, NOT_ASSESSED)
"""What a reader can say became of a lesion."""


def _shown_date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 else "no date"


def _months(first: str, text: str) -> str:
    """Return the time since the first study, as radiologists say it."""
    if len(first) != 8 or len(text) != 8 or first == text:
        return ""
    days = (_day(text) - _day(first)).days
    return f"+{days} days" if days < 60 else f"+{days / 30.44:.0f} months"


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def _mm(values: Any) -> str:
    return ", ".join(f"{float(value):.1f}" for value in values)


def _when(text: str) -> str:
    return text[:16].replace("T", " ") + " UTC" if text else ""


def _distance(a: Any, b: Any) -> float:
    return float(np.linalg.norm(np.array(a) - np.array(b)))


class _Narrow(FileSystemLoader):
    """Reads templates without their indentation, which a page of many cells would repeat in each."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Return a template's source."""
        source, path, is_fresh = super().get_source(environment, template)
        return re.sub(r"\n[ \t]+", "\n ", source), path, is_fresh


ENVIRONMENT = Environment(
    loader=_Narrow(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
ENVIRONMENT.filters |= {
    "day": _shown_date,
    "mm": _mm,
    "when": _when,
    "quantities": quantities_in_words,
    "version": version,
}
ENVIRONMENT.globals |= {
    "at": AT,
    "place": place,
    "crop": crop,
    "crop_rest": crop_rest,
    "like": like,
    "months": _months,
    "distance": _distance,
    "growth": growth,
}
ENVIRONMENT.globals |= {"SHOWN": SHOWN, "OPEN": OPEN, "FIRST_ROWS": FIRST_ROWS}
ENVIRONMENT.globals["SAYABLE"] = Markup(
    ENVIRONMENT.get_template("sayable.html").render(states=SAYABLE)
)  # once, not a cell
ENVIRONMENT.globals |= {  # an `include` would copy all names for each cell
    "fate_select": ENVIRONMENT.get_template("fate.html").module.fate_select,  # type: ignore[attr-defined]
    "size_line": ENVIRONMENT.get_template("size.html").module.size_line,  # type: ignore[attr-defined]
}


def page(template: str, **values: Any) -> str:
    """Return a page as HTML."""
    return ENVIRONMENT.get_template(template).render(**values)


def page_in_parts(template: str, **values: Any) -> Iterator[str]:
    """Return a page as HTML, written while it is sent: of many lesions the first rows are there before the last are written."""
    stream = ENVIRONMENT.get_template(template).stream(**values)
    stream.enable_buffering(PIECES)
    return iter(stream)


def page_file(name: str) -> str:
    """Return one of FILES; the colours of states come from their table.

    Raises:
        NotFound: for any other name.
    """
    if name not in FILES:
        raise NotFound(f"there is no {name} here")
    if name == "states.css":
        return page(name)
    return (STYLE if name == "paper.css" else FOLDER / name).read_text(encoding="utf-8")
