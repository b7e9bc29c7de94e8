"""Jobs come back once each, whatever happens to the processes."""

import os
from pathlib import Path

import pytest

from lesion_tracker.commands.work.local import LocalWorkers
from tests.commands.standin_job import add


@pytest.fixture
def workers():
    made = LocalWorkers(add, 2)
    yield made
    made.close()


def drained(workers):
    """Return all outcomes by key; none may come twice."""
    found = {}
    while outcomes := workers.wait():
        for outcome in outcomes:
            assert outcome.key not in found
            found[outcome.key] = outcome
    return found


@pytest.mark.long
def test_jobs_failures_and_dead_processes(workers):
    for n in range(6):
        workers.submit(f"job {n}", (n, n))
    workers.submit("wrong", (1, "a"))
    workers.submit("dead", (1, "die"))
    found = drained(workers)
    assert [found[f"job {n}"].value for n in range(6)] == [0, 2, 4, 6, 8, 10]
    assert found["wrong"].error.startswith("TypeError: unsupported operand")
    assert found["dead"].error == "its process died 2 times: out of memory?"
    assert workers.wait() == []
    workers.submit("later", (2, 3))
    assert drained(workers)["later"].value == 5


def test_the_environment_reaches_the_processes():
    made = LocalWorkers(os.getenv, 1, {"LESION_TRACKER_REGISTRATION_THREADS": "3"})
    made.submit("a", "LESION_TRACKER_REGISTRATION_THREADS")
    assert drained(made)["a"].value == "3"
    made.close()


def test_there_must_be_a_process():
    with pytest.raises(ValueError, match="at least one process, got 0"):
        LocalWorkers(add, 0)


def test_the_processes_of_the_command_line_import_no_server():
    text = (Path(__file__).parents[2] / "apps" / "lesion_tracker" / "main.py").read_text()
    assert 'elif __name__ != "__mp_main__"' in text
