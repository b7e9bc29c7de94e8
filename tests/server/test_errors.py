"""Errors as HTTP answers: every kind has a status, faults stay faults, and MONAI Label's own routes answer the same way."""

import errno
import os
import re
import warnings

import pytest
import torch
from fastapi import FastAPI

from lesion_tracker import errors
from lesion_tracker.server.errors import STATUS, Refusal, answer_errors, refusal_or_raise
from tests.test_import_order import PACKAGE

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have httpx's successor
    from fastapi.testclient import TestClient


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not errors.LesionTrackerError]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not errors.Lacking])  # what is lacking says what
def test_every_error_of_the_tree_has_a_status_and_keeps_its_text(kind: type[errors.LesionTrackerError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")
    refusal = refusal_or_raise(kind("the fact"))
    assert 400 <= refusal.status < 600
    assert refusal.text == "the fact"


def test_a_row_of_the_table_is_never_hidden_by_one_before_it() -> None:
    for place, (kind, status) in enumerate(STATUS):
        before = [known for other, known in STATUS[:place] if issubclass(kind, other)]
        assert not before, f"{kind.__name__} is answered {before[0]}, not {status}"


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/labels"), 507, "the disk is full (/data/labels)"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), 507, "the file system is read-only;"),
        (MemoryError(), 503, "the machine has not enough free memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), 503, "the GPU has not enough free memory"),
    ],
)
def test_what_the_machine_lacks_is_named(error: Exception, status: int, text: str) -> None:
    refusal = refusal_or_raise(error)
    assert (refusal.status, text in refusal.text) == (status, True)


@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file or directory"), ValueError("x")])
def test_an_error_that_is_not_the_machines_stays_a_fault(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        refusal_or_raise(error)
    assert raised.value is error


def test_half_a_letter_in_a_text_can_be_sent() -> None:
    assert refusal_or_raise(errors.InputError("no \udc80")) == Refusal(422, "no \\udc80")


ANSWERED: list[tuple[Exception, tuple[int, str]]] = [
    (errors.NotFound("no study"), (404, '{"detail":"no study"}')),
    (errors.Busy("a training is under way"), (429, '{"detail":"a training is under way"}')),
    (OSError(errno.ENOENT, "a file that was there"), (500, "Internal Server Error")),
    (ZeroDivisionError(), (500, "Internal Server Error")),
    (errors.LesionTrackerError("the process died"), (500, '{"detail":"the process died"}')),
]


def test_any_route_of_an_application_answers_errors_and_repeats_no_value_that_is_wrong() -> None:
    application = FastAPI()
    answer_errors(application)

    @application.get("/raise/{number}")
    def route(number: int) -> None:
        raise ANSWERED[number][0]

    with TestClient(application, raise_server_exceptions=False) as client:
        answers = [client.get(f"/raise/{number}") for number in range(len(ANSWERED))]
        wrong = client.get("/raise/secret")
    assert [(answer.status_code, answer.text) for answer in answers] == [expected for _, expected in ANSWERED]
    assert wrong.status_code == 422
    assert wrong.json()["detail"][0]["loc"] == ["path", "number"]
    assert "secret" not in wrong.text


def test_only_routes_speak_http_themselves_and_no_decision_reads_a_message() -> None:
    sources = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    assert [str(path) for path, text in sources.items() if "HTTPException" in text and "routes" not in path.name] == []
    read = re.compile(r"\bin str\(|str\((?:error|exc|e)\)\.(?:startswith|endswith)|\.detail\b")
    assert [f"{path}: {found[0]}" for path, text in sources.items() if (found := read.search(text))] == []
