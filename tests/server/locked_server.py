"""A server with accounts: a reader ann and an admin boss."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from lesion_tracker.server.access.accounts_file import set_account
from tests.server.conftest import APP, START_S, Server, start_server, stop

PASSWORD = "correct horse"


@contextmanager
def locked_server(
    folder: Path, studies: Path | str, conf: dict[str, str], more: dict[str, str] | None = None
) -> Iterator[Server]:
    """Run a server with accounts while the block runs.

    Args:
        folder: for the accounts and the log.
        studies: a folder, or the address of a PACS.
        conf: further settings.
        more: environment.
    """
    file, log = folder / "accounts.json", folder / "server.log"
    script = [sys.executable, str(APP / "main.py"), "account", str(file)]
    subprocess.run([*script, "ann"], input=PASSWORD + "\n", text=True, check=True, capture_output=True)
    set_account(file, "boss", PASSWORD, "admin")
    process, url = start_server(studies, log, {**conf, "accounts": str(file)}, more)
    try:
        _wait_until_it_refuses(process, url, log)
        yield Server(url, studies if isinstance(studies, Path) else folder, process.pid, log)
    finally:
        stop(process)


def bearer(server: Server, name: str) -> dict[str, str]:
    """Return the header with a new token of ann or boss."""
    answer = requests.post(f"{server.url}/auth/token", data={"username": name, "password": PASSWORD}, timeout=60)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def _wait_until_it_refuses(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return once the server answers without a log-in as it must: 401."""
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            assert requests.get(f"{url}/info/", timeout=30).status_code == 401
            return
        except requests.RequestException:
            time.sleep(0.3)
    pytest.fail(f"the server did not answer within {START_S} s (exit {process.poll()}):\n{log.read_text()[-3000:]}")
