"""schemathesis on a running server: it reads the server's own description of its routes and sends what nobody thought of."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.server.conftest import Server

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
LONGEST_S = 120.0
"""A bound against hanging, not an expectation: the machine may be busy with other things."""

needs_schemathesis = pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="schemathesis is not installed")


def require_no_fault(
    server: Server,
    paths: str,
    folder: Path,
    *,
    least: int,
    examples: int = 12,
    headers: dict[str, str] | None = None,
    seconds: int = 0,
) -> None:
    """Fail if any request leads to a fault of the server, or is not answered within `LONGEST_S`.

    Args:
        server: which.
        paths: regular expression of the routes.
        folder: for the program's notes.
        least: requests that must have been sent; fewer would mean that the routes are gone.
        examples: of each route and phase.
        headers: that each request carries.
        seconds: go on no longer than this; 0: until the examples are through.
    """
    command = [str(SCHEMATHESIS), "run", f"{server.url}/openapi.json", "--include-path-regex", paths]
    command += ["--checks", "not_a_server_error", "--max-examples", str(examples), "--request-timeout", str(LONGEST_S)]
    command += ["--seed", "7", "--phases", "examples,coverage,fuzzing", "--workers", "1", "--no-color"]
    command += ["--suppress-health-check", "all"]
    command += ["--max-time", str(seconds)] if seconds else []
    for name, value in (headers or {}).items():
        command += ["--header", f"{name}: {value}"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=1500, check=False)
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr[-2000:]
    sent = re.search(r"(\d+) generated", found.stdout) or re.search(r"Test cases:\s*\n?\s*(\d+)", found.stdout)
    assert sent is not None, found.stdout[-2000:]
    print(f"{sent[1]} requests, none answered by a fault")  # noqa: T201 - shown by pytest -s
    assert int(sent[1]) >= least, found.stdout[-2000:]
    assert requests.get(f"{server.url}/info/", headers=headers, timeout=LONGEST_S).status_code == 200
