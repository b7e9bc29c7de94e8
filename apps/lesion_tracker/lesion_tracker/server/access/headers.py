"""The headers that every answer carries: nothing comes from elsewhere, nobody frames it, and no browser keeps it."""

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from lesion_tracker.server import addresses

POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of what is no page: data, files, refusals."""

VIEWER_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""Of OHIF, whose bundle makes scripts and workers out of texts."""

VIEWER = (addresses.OHIF.partition("{")[0], addresses.VIEWER_FILES)
ALWAYS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""A page with the policy no-referrer would send its log-out form without its origin, as a foreign page does."""


def wants_page(accept: str) -> bool:
    """Say whether an `Accept` header asks for a page by name, and for JSON no more than for that: so do browsers alone."""
    weights = {}
    for part in accept.lower().split(","):
        kind, *params = (one.strip() for one in part.split(";"))
        weight = next((one[2:] for one in params if one.startswith("q=")), "1")
        weights[kind] = float(weight) if weight.replace(".", "", 1).isdecimal() else 0.0
    return weights.get("text/html", 0.0) > 0 and weights["text/html"] >= weights.get("application/json", 0.0)


def headed(send: Send, path: str) -> Send:
    """Add the headers to an answer; where a page says its own policy, that one counts.

    Args:
        send: sends it.
        path: what was asked; of the viewer's own files a browser keeps a copy, and asks whether it is still right.
    """
    defaults = {
        **ALWAYS,
        "Content-Security-Policy": VIEWER_POLICY if path.startswith(VIEWER) else POLICY,
        "Cache-Control": "private, no-cache" if path.startswith(addresses.VIEWER_FILES) else "no-store",
    }

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in defaults.items():
                headers.setdefault(name, value)
        await send(message)

    return with_headers


def closed(send: Send) -> Send:
    """Take MONAI Label's permission for pages of all origins out of an answer."""

    async def without(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name in [name for name in headers if name.lower().startswith("access-control-")]:
                del headers[name]
        await send(message)

    return without
