"""A job for worker processes that answers at once: sharing out is tested here, not tracking."""

import os
import signal
import time
from pathlib import Path

from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track


def answer(payload):
    """Note the call in `log`, then do what the follow-up's name says; a lesion is found 10 mm higher each time."""
    name, log = Path(payload["followup"]).name, Path(payload["cache"])
    with (log / "calls").open("a") as calls:
        calls.write(f"{Path(payload['baseline']).name} {name} {os.getpid()}\n")
    if "slow" in name:
        (log / f"{name}.pid").write_text(str(os.getpid()))
        time.sleep(2.0)
    if "broken" in name:
        raise RegistrationFailed("they do not match")
    if "fatal" in name:
        os.kill(os.getpid(), signal.SIGKILL)
    if "once" in name and not (log / "died").exists():
        (log / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"tracks": [_track(payload, Lesion.from_json(entry)) for entry in payload["lesions"]], "seconds": {}}


def add(payload):
    """Return a sum, or die or fail where there is none."""
    first, second = payload
    if second == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return first + second


def _track(payload, lesion):
    x, y, z = lesion.center_mm
    state = "outside" if "short" in Path(payload["followup"]).name else "found"
    found = (x, y, z + 10.0)
    return Track(
        lesion.id, payload["baseline"], payload["followup"], found, lesion.radius_mm, 0.9, state, found, "stand-in"
    ).to_json()
