"""`demo`: a lesion of a real CT, marked, and found again in its follow-up by a real server and MONAI Label's client."""

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from lesion_tracker.commands.outputs import require_folder_of
from lesion_tracker.errors import InputError
from lesion_tracker.places import APP, CHECKOUT, INSTALLED, MODEL, SAMPLE
from lesion_tracker.records.counted import counted
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.report.picture import write_picture
from lesion_tracker.server.kept_app import bring_up_to_date
from lesion_tracker.server.local_server import ServerError, monailabel_client, running_server
from lesion_tracker.studies.timeline import order_studies, study_of
from lesion_tracker.volumes.reader import read_volume

PICTURE = "demo.png"
FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    where = "build/" if CHECKOUT is not None else "this folder"
    parser.add_argument("--out", type=Path, metavar="PNG", help=f"the picture; default: {PICTURE} in {where}")


def run(args: argparse.Namespace) -> int:
    """Serve a copy of the sample, mark, track, print and draw; 0 if the network found every lesion."""
    if not list((SAMPLE / "studies").glob("*.nii.gz")):
        raise InputError(f"there are no studies in {SAMPLE / 'studies'}: the sample is not part of this copy")
    picture = args.out or _default_picture()
    require_folder_of(picture)
    try:
        with tempfile.TemporaryDirectory(prefix="lesion-tracker-demo-") as folder:
            return _demo(Path(folder), picture)
    except ServerError as error:
        print(error, file=sys.stderr)
        return FAILED


def _default_picture() -> Path:
    if CHECKOUT is None:
        return Path.cwd() / PICTURE
    (CHECKOUT / "build").mkdir(exist_ok=True)
    return CHECKOUT / "build" / PICTURE


def _demo(folder: Path, picture: Path) -> int:
    studies = Path(shutil.copytree(SAMPLE / "studies", folder / "studies"))
    baseline, followup = order_studies([study_of(path) for path in studies.glob("*.nii.gz")])
    marks = json.loads((SAMPLE / "lesions.json").read_text())["lesions"]
    truth = {lesion["id"]: lesion["center_mm"] for lesion in json.loads((SAMPLE / "truth.json").read_text())["lesions"]}
    _say(f"starting a MONAI Label server on a copy of {_shown(SAMPLE / 'studies')} …")
    app = APP
    if INSTALLED:
        app = folder / "app"
        bring_up_to_date(app)
    with running_server(studies, folder / "server.log", app) as address:
        client = monailabel_client(address, folder, "demo")
        _say(f"marking {counted(len(marks), 'lesion')} in {baseline.id}")
        client.infer("mark_lesion", baseline.id, {"lesions": marks})
        _say(f"tracking in {followup.id}")
        _, answer = client.infer("track_lesion", followup.id, {})
    tracks = [Track.from_json(track) for track in answer["tracks"]]
    _print_table(tracks, truth, answer["seconds"])
    lesions = [Lesion.from_json(mark) for mark in marks]
    write_picture(picture, read_volume(baseline.path), read_volume(followup.path), lesions, tracks, truth)
    _say(f"picture: {_shown(picture)}")
    return verdict(tracks, truth)


def verdict(tracks: list[Track], truth: dict[str, Any]) -> int:
    """Return 0, or say on stderr what is wrong and return 1: a lesion farther off than its radius, or no network."""
    wrong = [
        f"{track.lesion_id} was found outside of its radius of {track.expected_radius_mm:.1f} mm"
        for track in tracks
        if math.dist(track.center_mm, truth[track.lesion_id]) > track.expected_radius_mm
    ]
    if any(track.model is None for track in tracks):
        wrong.append(f"the network did not answer, only registration: are the weights in {_shown(MODEL)} whole?")
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return FAILED if wrong else 0


def _print_table(tracks: list[Track], truth: dict[str, Any], seconds: dict[str, float]) -> None:
    """Print one line a lesion: expected and found point (LPS mm), distance to the truth, confidence, method."""
    head = (
        f"{'lesion':<10} {'expected, LPS mm':<24} {'found, LPS mm':<24} {'truth':>8} {'confidence':>11}  state, method"
    )
    _say("\n" + head + "\n" + "-" * len(head))
    for track in tracks:
        off = math.dist(track.center_mm, truth[track.lesion_id])
        confidence = f"{track.confidence:.2f}" + ("" if track.calibrated else "*")
        points = f"{_mm(track.expected_mm):<24} {_mm(track.center_mm):<24}"
        _say(f"{track.lesion_id:<10} {points} {off:5.1f} mm {confidence:>11}  {track.state}, {track.method}")
        if track.note:
            _say(f"{'':<10} {track.note}")
        if track.long_axis_mm is not None:
            _say(f"{'':<10} {_size(track)}")
    _say(
        "truth: distance of the found point from the true one"
        + ("; *: not calibrated" if not tracks[0].calibrated else "")
    )
    _say("seconds: " + ", ".join(f"{stage} {value:.1f}" for stage, value in seconds.items()) + "\n")


def _size(track: Track) -> str:
    """Return both axes, the change of the long one, and whether to check them."""
    axes = f"axes {track.long_axis_mm:.1f} x {track.short_axis_mm:.1f} mm, volume {track.volume_ml:.1f} ml"
    change = f"; long axis {track.earlier_long_axis_mm:.1f} mm before ({track.long_axis_change_mm:+.1f} mm)"
    return axes + change + (f"; check: {track.check_size}" if track.check_size else "")


def _say(text: str) -> None:
    """Print at once: the reader waits."""
    print(text, flush=True)


def _shown(path: Path) -> str:
    """Return a path as it is reached from here."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _mm(point: tuple[float, float, float]) -> str:
    return "(" + ", ".join(f"{value:.1f}" for value in point) + ")"
