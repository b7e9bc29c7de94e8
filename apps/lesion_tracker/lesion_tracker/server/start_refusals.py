"""Why a server does not start, in one sentence: uvicorn logs what its start raised with a hundred lines of traceback."""

import logging
import re

REFUSAL = re.compile(r"^lesion_tracker\.errors\.\w+: (.+)\Z", re.MULTILINE | re.DOTALL)
"""The end of the traceback of an error that this package words for the operator."""


class _Shortened(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        refusal = REFUSAL.search(text) if text.startswith("Traceback") else None
        if refusal:
            record.msg, record.args = f"the server does not start: {refusal[1].strip()}", ()
        return True


def shorten_refusals() -> None:
    """Have uvicorn log the sentence of an error that is worded for the operator, and the traceback of all others."""
    uvicorn = logging.getLogger("uvicorn.error")
    if not any(isinstance(one, _Shortened) for one in uvicorn.filters):
        uvicorn.addFilter(_Shortened())
