"""The addresses of the HTTP interface, each spelled once, and who may ask for it; docs/http.md says what each one does."""

from dataclasses import dataclass
from typing import Literal

Who = Literal["anyone", "reader", "admin"]
"""On a server with accounts: anyone who reaches it, a reader who logged in, or an admin. Without accounts: everyone all."""

INFER = "/infer/{model}"
SESSIONS = "/session/"
DATASTORE = "/datastore/"
IMAGE = "/datastore/image"
IMAGE_INFO = "/datastore/image/info"
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
CLOSE = "/lesions/close"
DELETE = "/lesions/delete"
RESTORE = "/lesions/restore"
RENAME = "/lesions/rename"
TRACK = "/lesions/track"
PROGRESS = "/lesions/track/{job_id}"
PAGE_FILE = "/lesions/{name}.{ending}"

OHIF_CONFIG = "/ohif/app-config.js"
OHIF_PANEL = "/ohif/lesion-panel.js"
OHIF_LESIONS = "/ohif/lesions"

TRAIN = "/train/"
TRAIN_MODEL = "/train/{model}"
MODELS = "/models/"
ROLL_BACK = "/models/rollback"

AUTH = "/auth/"
TOKEN = "/auth/token"
TOKEN_OWNER = "/auth/token/valid"
LOGIN = "/login"
LOGOUT = "/logout"

FAVICON = "/favicon.ico"
VIEWER_FILES = "/static/"


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


OWN = (
    Route("POST", INFER),
    Route("PUT", SESSIONS),
    Route("PUT", DATASTORE),
    Route("PUT", IMAGE),
    Route("PUT", IMAGE_INFO),
    Route("GET", IMAGE),
    Route("HEAD", IMAGE),
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
    Route("POST", CLOSE),
    Route("POST", DELETE),
    Route("POST", RESTORE),
    Route("POST", RENAME),
    Route("POST", TRACK),
    Route("GET", PROGRESS),
    Route("GET", PAGE_FILE),
    Route("POST", TRAIN, "admin"),
    Route("POST", TRAIN_MODEL, "admin"),
    Route("GET", MODELS),
    Route("POST", ROLL_BACK, "admin"),
)
"""What this server answers itself, whatever it serves."""

ON_A_PACS = (
    Route("GET", OHIF_CONFIG),
    Route("GET", OHIF_PANEL),
    Route("GET", OHIF_LESIONS),
    Route("GET", PACS_PROXY),
)
"""What it answers itself where the studies are on a PACS."""

WITH_ACCOUNTS = (
    Route("GET", AUTH, "anyone"),
    Route("POST", TOKEN, "anyone"),
    Route("GET", TOKEN_OWNER),
    Route("GET", LOGIN, "anyone"),
    Route("POST", LOGIN, "anyone"),
    Route("POST", LOGOUT),
)
"""What it answers itself where readers have accounts."""

USED_OF_MONAI_LABEL = (
    Route("GET", "/info/"),
    Route("GET", DATASTORE),
    Route("GET", IMAGE_INFO),
    Route("DELETE", IMAGE, "admin"),
    Route("DELETE", DATASTORE, "admin"),
    Route("PUT", "/datastore/label"),
    Route("GET", "/datastore/label"),
    Route("GET", TRAIN),
    Route("DELETE", TRAIN, "admin"),
    Route("GET", "/scoring/"),
    Route("POST", "/scoring/"),
    Route("POST", "/scoring/{method}"),
    Route("DELETE", "/scoring/"),
    Route("GET", "/session/{session_id}"),
    Route("DELETE", "/session/{session_id}"),
    Route("GET", "/ohif/{path:path}"),
    Route("GET", "/static/{path:path}"),
    Route("GET", "/"),
    Route("GET", "/docs"),
    Route("HEAD", "/docs"),
    Route("GET", "/openapi.json"),
    Route("HEAD", "/openapi.json"),
    Route("GET", FAVICON, "anyone"),
)
"""What MONAI Label answers, and a client of this server asks for."""

REST_OF_MONAI_LABEL = (
    Route("GET", "/model/{model}"),
    Route("PUT", "/model/{model}", "admin"),
    Route("DELETE", "/model/{model}", "admin"),
    Route("GET", "/model/info/{model}"),
    Route("POST", "/infer/wsi/{model}"),
    Route("POST", "/infer/wsi_v2/{model}"),
    Route("GET", "/batch/infer"),
    Route("POST", "/batch/infer/{model}", "admin"),
    Route("DELETE", "/batch/infer", "admin"),
    Route("HEAD", "/datastore/label"),
    Route("DELETE", "/datastore/label", "admin"),
    Route("GET", "/datastore/label/info"),
    Route("PUT", "/datastore/label/info"),
    Route("PUT", "/datastore/updatelabelinfo"),
    Route("GET", "/datastore/dataset"),
    Route("GET", "/logs/"),
    Route("GET", "/logs/gpu"),
    Route("GET", "/proxy/dicom/wado/{path:path}"),
    Route("POST", "/proxy/dicom/wado/{path:path}"),
    Route("GET", "/proxy/dicom/qido/{path:path}"),
    Route("POST", "/proxy/dicom/qido/{path:path}"),
    Route("GET", "/proxy/dicom/stow/{path:path}"),
    Route("POST", "/proxy/dicom/stow/{path:path}"),
    Route("GET", "/proxy/dicom/{path:path}"),
    Route("POST", "/proxy/dicom/{path:path}"),
    Route("POST", "/reload", "admin"),
)
"""What MONAI Label answers, and no client of this server needs."""

REACHABLE = frozenset(OWN + ON_A_PACS + WITH_ACCOUNTS + USED_OF_MONAI_LABEL + REST_OF_MONAI_LABEL)
"""All that a running server answers, whatever it serves."""
