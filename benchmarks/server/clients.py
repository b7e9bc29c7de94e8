"""Four readers at once, each in a client of its own: what 3D Slicer, OHIF, a program and the review page send to track."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

PATIENCE_S = 600.0
SLICER = {"client_id": "load", "baseline_image": "", "method": "default", "patient": ""}
OHIF = {"result_extension": ".nrrd", "result_dtype": "uint8", "result_compress": False, "restore_label_idx": False}


@dataclass
class Client:
    """One reader, who tracks again and again.

    Args:
        name: of the client, as in `CLIENTS`.
        url: address of the server.
        patient: whose follow-up is tracked.
        followup: id of that study.
        seconds: of each track that was answered; grows.
        refused: what was answered otherwise; grows.
    """

    name: str
    url: str
    patient: str
    followup: str
    seconds: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def track_until(self, end: Callable[[], bool]) -> None:
        """Track until `end()` is true; the track that is under way then is waited for."""
        while not end():
            start = time.perf_counter()
            problem = CLIENTS[self.name](self)
            if problem:
                self.refused.append(problem)
                time.sleep(0.5)
            else:
                self.seconds.append(time.perf_counter() - start)


def _infer(client: Client, params: dict[str, Any], **query: str) -> str:
    answer = requests.post(
        f"{client.url}/infer/track_lesion",
        params={"image": client.followup, **query},
        data={"params": json.dumps(params)},
        timeout=PATIENCE_S,
    )
    return "" if answer.status_code == 200 and answer.content else f"{answer.status_code}: {answer.text[:200]}"


def _review(client: Client) -> str:
    job = requests.post(f"{client.url}/lesions/track", json={"patient": client.patient}, timeout=PATIENCE_S)
    while job.status_code == 200 and job.json()["state"] == "running":
        time.sleep(0.5)
        job = requests.get(f"{client.url}/lesions/track/{job.json()['id']}", timeout=PATIENCE_S)
    if job.status_code != 200:
        return f"{job.status_code}: {job.text[:200]}"
    found = job.json()
    return "" if found["state"] == "done" and found["tracked"] else f"{found['state']}: {found['messages']}"


CLIENTS: dict[str, Callable[[Client], str]] = {
    "3D Slicer": lambda client: _infer(client, SLICER),
    "OHIF": lambda client: _infer(client, OHIF, output="image"),
    "program": lambda client: _infer(client, {}, output="json"),
    "review page": _review,
}
"""Sends one track and returns "", or what was answered instead."""


def track_together(clients: Sequence[Client], seconds: float, meanwhile: Callable[[Callable[[], bool]], None]) -> None:
    """Let all clients track at once for a time.

    Args:
        clients: the readers.
        seconds: no track is begun later.
        meanwhile: runs beside them until the function that it is given returns true: all tracks are answered.
    """
    end = time.monotonic() + seconds
    threads = [
        threading.Thread(target=client.track_until, args=(lambda: time.monotonic() > end,), daemon=True)
        for client in clients
    ]
    for thread in threads:
        thread.start()
    meanwhile(lambda: not any(thread.is_alive() for thread in threads))
    for thread in threads:
        thread.join()
