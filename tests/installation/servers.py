"""Real servers of other environments."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lesion_tracker.server.local_server import stop, wait_until_ready
from tests.installation.conftest import Place
from tests.server.conftest import Server


@contextmanager
def served(place: Place, command: Sequence[str | Path], port: int, studies: Path) -> Iterator[Server]:
    """Run a command that becomes a server while the block runs; its log must hold no traceback."""
    log = place.elsewhere / f"server-{port}.log"
    environment = {**place.environment, "MONAI_LABEL_SESSION_PATH": str(place.elsewhere / "sessions")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=place.elsewhere,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(process, url, log)
        yield Server(url, studies, process.pid, log)
    finally:
        stop(process)
    assert "Traceback" not in log.read_text()
