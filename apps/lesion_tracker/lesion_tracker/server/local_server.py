"""A real server on this machine: its command and environment, and one that ends with its block."""

import errno
import os
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError

from lesion_tracker.errors import InputError
from lesion_tracker.places import APP, python_path

HOST = "127.0.0.1"
START_S = 900.0
STOP_S = 30.0


class ServerError(Exception):
    """The server did not start; the message says what it wrote last."""


def start_command(
    studies: str,
    port: int,
    *,
    app: Path = APP,
    host: str = HOST,
    conf: Mapping[str, str] | None = None,
    more: Sequence[str] = (),
) -> list[str]:
    """Return the command that serves studies.

    Args:
        studies: a folder or DICOMweb address.
        port: to listen on.
        app: folder of main.py.
        host: address to listen on; by default only this machine reaches it.
        conf: settings by name.
        more: further options of `monailabel start_server`.
    """
    command = [
        sys.executable,
        "-m",
        "lesion_tracker.server.start",
        "start_server",
        "--app",
        str(app),
        "--studies",
        studies,
    ]
    settings = [word for name, value in (conf or {}).items() for word in ("--conf", name, value)]
    return [*command, "--host", host, "--port", str(port), *settings, *more]


def start_environment(app: Path = APP) -> dict[str, str]:
    """Return the environment of that command: the server and its own processes import this very package.

    What lies in the folder that the command is started from does not count as a Python package.
    """
    return {**os.environ, "PYTHONPATH": python_path(app), "PYTHONSAFEPATH": "1"}


def port_is_free(port: int, host: str = HOST) -> bool:
    """Say whether nobody listens on a port of this machine.

    Raises:
        InputError: if this process could not listen there, whoever else does.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise InputError(f"this machine cannot listen on {host}, port {port}: {error.strerror or error}") from None
    return True


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def start_server(
    studies: Path | str,
    log: Path,
    conf: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    app: Path = APP,
) -> tuple["subprocess.Popen[bytes]", str]:
    """Start a server on a free port of loopback; return its process and its address at once.

    Args:
        studies: its folder of studies, or a DICOMweb address.
        log: the file that takes what it writes; it runs in that file's folder.
        conf: settings by name.
        environment: variables beside this process's own.
        app: folder of main.py.
    """
    port = free_port()
    known = {**start_environment(app), "MONAI_LABEL_SESSION_PATH": str(log.parent / "sessions"), **(environment or {})}
    with log.open("wb") as output:
        process = subprocess.Popen(
            start_command(str(studies), port, app=app, conf=conf),
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            env=known,
        )
    return process, f"http://{HOST}:{port}"


def wait_until_ready(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    """Return once a server answers.

    Raises:
        ServerError: if it ends, or does not answer within 15 minutes.
    """
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


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a server."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_S)


@contextmanager
def running_server(studies: Path, log: Path, app: Path = APP) -> Iterator[str]:
    """Run a server on a free port of loopback while the block runs; yields its address once it answers.

    Args:
        studies: its folder of studies.
        log: the file that takes what it writes.
        app: folder of main.py.

    Raises:
        ServerError: if it does not start within 15 minutes.
    """
    process, address = start_server(studies, log, app=app)
    try:
        wait_until_ready(process, address, log)
        yield address
    finally:
        stop(process)


def monailabel_client(address: str, folder: Path, name: str) -> Any:
    """Return MONAI Label's own client.

    Args:
        address: of a server.
        folder: for what it downloads.
        name: of the client.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports cgi
        from monailabel.client import MONAILabelClient
    return MONAILabelClient(address, tmpdir=str(folder), client_id=name)
