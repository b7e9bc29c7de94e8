"""A start that is refused says why in one sentence; what nobody foresaw keeps its traceback."""

import logging
import traceback

import pytest

from lesion_tracker.errors import InputError
from lesion_tracker.server.start_refusals import shorten_refusals


def logged(error: Exception, caplog: pytest.LogCaptureFixture) -> str:
    shorten_refusals()
    shorten_refusals()  # as often as one likes
    try:
        raise error
    except Exception:
        logging.getLogger("uvicorn.error").error(traceback.format_exc())
    return caplog.records[-1].getMessage()


def test_a_refusal_is_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(InputError("port must be a number, got 100 %"), caplog) == (
        "the server does not start: port must be a number, got 100 %"
    )


def test_any_other_error_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(KeyError("x"), caplog).startswith("Traceback")
