"""A real `monailabel start_server` on this machine: its command, and a server that ends with its block."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

APP = Path(__file__).resolve().parents[1]
ROOT = APP.parents[1]
HOST = "127.0.0.1"
START_S = 900.0


class ServerError(Exception):
    """The server did not start; the message says what it wrote last."""


def start_command(studies: str, port: int) -> list[str]:
    """Return the command that serves `studies` (a folder or DICOMweb address) on loopback."""
    command = [sys.executable, "-m", "monailabel.main", "start_server", "--app", str(APP), "--studies", studies]
    return [*command, "--host", HOST, "--port", str(port)]


def port_is_free(port: int) -> bool:
    """Say whether nobody listens on a port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


@contextmanager
def running_server(studies: Path, log: Path) -> Iterator[str]:
    """Run a server on a free port of loopback while the block runs; yields its address once it answers.

    Args:
        studies: its folder of studies.
        log: the file that takes what it writes.

    Raises:
        ServerError: if it does not start within 15 minutes.
    """
    port = free_port()
    environment = {**os.environ, "MONAI_LABEL_SESSION_PATH": str(log.parent / "sessions")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            start_command(str(studies), port), stdout=output, stderr=subprocess.STDOUT, cwd=log.parent, env=environment
        )
    try:
        address = f"http://{HOST}:{port}"
        _wait_until_ready(process, address, log)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)


def _wait_until_ready(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    end = time.monotonic() + START_S
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < end:
        if process.poll() is not None:
            raise ServerError(f"the server ended with {process.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
        try:
            with opener.open(f"{address}/info/", timeout=30):
                return
        except (URLError, OSError):
            time.sleep(0.3)
    raise ServerError(f"the server did not answer within {START_S:g} s:\n{log.read_text(errors='replace')[-2000:]}")
