"""The addresses of the HTTP interface, each spelled once, and who may ask for it; docs/http.md says what each one does.

The guard lets pass what is listed here, and nothing else: MONAI Label's own routes are absent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from starlette.routing import compile_path

Who = Literal["anyone", "reader", "admin"]
"""On a server with accounts: anyone who reaches it, a reader who logged in, or an admin. Without accounts: everyone all."""

INFO = "/info/"
INFER = "/infer/{model}"
SESSIONS = "/session/"
SESSION = "/session/{session_id}"
DATASTORE = "/datastore/"
IMAGE = "/datastore/image"
IMAGE_INFO = "/datastore/image/info"
LABEL = "/datastore/label"
NEXT_SAMPLE = "/activelearning/{strategy}"
PACS_PROXY = "/proxy/dicom/{service}/{path:path}"

LESIONS = "/lesions/"
TABLE = "/lesions/table.csv"
CROP = "/lesions/crop.png"
BLOCK = "/lesions/block"
POINT_MAP = "/lesions/map"
ROW = "/lesions/row"
CHANGES = "/lesions/changes"
MARK = "/lesions/mark"
ACCEPT = "/lesions/accept"
MOVE = "/lesions/move"
UNDO = "/lesions/undo"
REDO = "/lesions/redo"
CLOSE = "/lesions/close"
DELETE = "/lesions/delete"
RESTORE = "/lesions/restore"
RENAME = "/lesions/rename"
TRACK = "/lesions/track"
MEASURE = "/lesions/measure"
OUTLINE = "/lesions/outline"
SIZE = "/lesions/size"
SIZE_RESET = "/lesions/size/automatic"
SIZE_UNDO = "/lesions/size/undo"
FATE = "/lesions/fate"
TRAITS = "/lesions/traits"
TRAITS_UNDO = "/lesions/traits/undo"
RESPONSE = "/lesions/response"
PAPER = "/lesions/paper"
COURSE = "/lesions/course.png"
RESULTS_TABLE = "/lesions/results.csv"
RESULTS = "/lesions/results.json"
WATERFALL = "/lesions/waterfall"
PROGRESS = "/lesions/track/{job_id}"
REPORT_FILE = "/lesions/report.dcm"
MASKS_FILE = "/lesions/masks.dcm"
STORE = "/lesions/store"
FOUND = "/lesions/found"
TAKE = "/lesions/take"
PAGE_FILE = "/lesions/{name}.{ending}"

OHIF_CONFIG = "/ohif/app-config.js"
OHIF_PANEL = "/ohif/lesion-panel.js"
OHIF_SCREEN = "/ohif/lesion-screen.js"
OHIF_LESIONS = "/ohif/lesions"
OHIF = "/ohif/{path:path}"

TRAIN = "/train/"
TRAIN_MODEL = "/train/{model}"
MODELS = "/models/"
ROLL_BACK = "/models/rollback"
SCORING = "/scoring/{method}"

AUTH = "/auth/"
TOKEN = "/auth/token"
TOKEN_OWNER = "/auth/token/valid"
LOGIN = "/login"
LOGOUT = "/logout"

FIRST = "/"
OPENAPI = "/openapi.json"
FAVICON = "/favicon.ico"
VIEWER_FILES = "/static/"


UPLOADS = frozenset({("POST", INFER), ("PUT", SESSIONS), ("PUT", DATASTORE), ("PUT", IMAGE), ("PUT", LABEL)})
"""Where a request may bring a volume."""


@dataclass(frozen=True)
class Route:
    """What a client may ask for.

    Args:
        method: of HTTP.
        path: the address, with its parameters in braces.
        who: may ask.
    """

    method: str
    path: str
    who: Who = "reader"


ALWAYS = (
    Route("GET", INFO),
    Route("POST", INFER),
    Route("PUT", SESSIONS),
    Route("GET", SESSION),
    Route("DELETE", SESSION),
    Route("GET", DATASTORE),
    Route("PUT", DATASTORE),
    Route("PUT", IMAGE),
    Route("GET", IMAGE),
    Route("HEAD", IMAGE),
    Route("DELETE", IMAGE, "admin"),
    Route("GET", IMAGE_INFO),
    Route("PUT", IMAGE_INFO, "admin"),
    Route("PUT", LABEL),
    Route("GET", LABEL),
    Route("POST", NEXT_SAMPLE),
    Route("GET", LESIONS),
    Route("GET", TABLE),
    Route("GET", CROP),
    Route("GET", ROW),
    Route("GET", CHANGES),
    Route("GET", BLOCK),
    Route("GET", POINT_MAP),
    Route("POST", MARK),
    Route("POST", ACCEPT),
    Route("POST", MOVE),
    Route("POST", UNDO),
    Route("POST", REDO),
    Route("POST", CLOSE),
    Route("POST", DELETE),
    Route("POST", RESTORE),
    Route("POST", RENAME),
    Route("POST", TRACK),
    Route("POST", MEASURE),
    Route("GET", OUTLINE),
    Route("POST", SIZE),
    Route("POST", SIZE_RESET),
    Route("POST", SIZE_UNDO),
    Route("POST", FATE),
    Route("POST", TRAITS),
    Route("POST", TRAITS_UNDO),
    Route("GET", RESPONSE),
    Route("GET", PAPER),
    Route("GET", COURSE),
    Route("GET", RESULTS_TABLE),
    Route("GET", RESULTS),
    Route("GET", WATERFALL),
    Route("GET", PROGRESS),
    Route("GET", REPORT_FILE),
    Route("GET", MASKS_FILE),
    Route("GET", PAGE_FILE),
    Route("POST", TRAIN, "admin"),
    Route("POST", TRAIN_MODEL, "admin"),
    Route("GET", TRAIN),
    Route("DELETE", TRAIN, "admin"),
    Route("GET", MODELS),
    Route("POST", ROLL_BACK, "admin"),
    Route("POST", SCORING),
    Route("GET", OHIF),
    Route("GET", VIEWER_FILES + "{path:path}"),
    Route("GET", FIRST),
    Route("GET", OPENAPI, "admin"),
    Route("GET", FAVICON, "anyone"),
)
"""What this server answers, whatever it serves."""

ON_A_PACS = (
    Route("GET", OHIF_CONFIG),
    Route("GET", OHIF_PANEL),
    Route("GET", OHIF_SCREEN),
    Route("GET", OHIF_LESIONS),
    Route("GET", PACS_PROXY),
    Route("POST", STORE),
    Route("GET", FOUND),
    Route("POST", TAKE),
)
"""What it answers beside where the studies are on a PACS."""

WITH_ACCOUNTS = (
    Route("GET", AUTH, "anyone"),
    Route("POST", TOKEN, "anyone"),
    Route("GET", TOKEN_OWNER),
    Route("GET", LOGIN, "anyone"),
    Route("POST", LOGIN, "anyone"),
    Route("POST", LOGOUT),
)
"""What it answers beside where readers have accounts."""

REACHABLE = ALWAYS + ON_A_PACS + WITH_ACCOUNTS
"""The allow-list: all that a server answers, whatever it serves."""

STRICTNESS: tuple[Who, ...] = ("anyone", "reader", "admin")
_LED_ON = {(route.method, route.path.removesuffix("{path:path}")) for route in ALWAYS}
_LED_ON -= {("GET", FIRST), ("GET", VIEWER_FILES)}
_PATTERNS = tuple((compile_path(route.path)[0], route) for route in REACHABLE)


def takes_a_file(method: str, path: str) -> bool:
    """Say whether a request may bring a volume."""
    return any((route.method, route.path) in UPLOADS for route in routes_at(path) if route.method == method)


def routes_at(path: str) -> Iterable[Route]:
    """Return the routes whose address a path is, read as the router reads it."""
    return [route for pattern, route in _PATTERNS if pattern.fullmatch(path)]


def up_from(path: str) -> str:
    """Return how the first address is spelled from another one: a proxy may put all of them below a path of its own."""
    return "../" * (path.count("/") - 1)


def lacks_its_stroke(method: str, path: str) -> bool:
    """Say whether a path would be an address of every server with a stroke at its end; what a caller may fill in is none."""
    return "{" not in path and (method, f"{path}/") in _LED_ON


def who_may(method: str, path: str) -> Who | None:
    """Return who may send a request: of several routes that it could be the strictest counts; None: nobody."""
    named = [route.who for route in routes_at(path) if route.method == method]
    return max(named, key=STRICTNESS.index, default=None)
