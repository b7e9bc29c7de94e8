"""The demo: a lesion of a real CT, marked, and found again in its follow-up by a real server and MONAI Label's client."""

import json
import math
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lesion_tracker.errors import LesionTrackerError
from lesion_tracker.records.track import Lesion, Track
from lesion_tracker.report.picture import write_picture
from lesion_tracker.studies.timeline import order_studies, study_of
from lesion_tracker.volumes.reader import read_volume
from scripts.local_server import ROOT, ServerError, running_server

SAMPLE = ROOT / "sample-data"
PICTURE = ROOT / "build" / "demo.png"
README = ROOT / "README.md"
BEGIN, END = "<!-- demo: begin -->\n", "<!-- demo: end -->\n"

said: list[str] = []
"""What the demo printed, for the README."""


def main() -> int:
    """Run the demo and return the exit code; with --readme also put its output and picture into the README."""
    if not list((SAMPLE / "studies").glob("*.nii.gz")):
        print(f"there are no studies in {SAMPLE / 'studies'}: run `python sample-data/make_sample.py`", file=sys.stderr)
        return 2
    try:
        with tempfile.TemporaryDirectory(prefix="lesion-tracker-demo-") as folder:
            code = run_demo(Path(folder))
    except (ServerError, LesionTrackerError) as error:
        print(error, file=sys.stderr)
        return 1
    if "--readme" in sys.argv[1:]:
        write_readme()
    return code


def say(text: str) -> None:
    """Print a line at once, and keep it."""
    said.append(text)
    print(text, flush=True)


def write_readme() -> None:
    """Put the output and the picture of this run into the README."""
    shutil.copy(PICTURE, ROOT / "docs" / "demo.png")
    text = README.read_text()
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    block = "".join(f"    {line}".rstrip() + "\n" for line in "\n".join(["$ make demo", *said]).strip().split("\n"))
    README.write_text(f"{before}{BEGIN}{block}\n![The lesion in both studies](docs/demo.png)\n{after}")


def run_demo(folder: Path) -> int:
    """Serve a copy of the sample data, mark, track, print and draw; 0 if the network found every lesion."""
    studies = Path(shutil.copytree(SAMPLE / "studies", folder / "studies"))
    baseline, followup = order_studies([study_of(path) for path in studies.glob("*.nii.gz")])
    marks = json.loads((SAMPLE / "lesions.json").read_text())["lesions"]
    truth = {lesion["id"]: lesion["center_mm"] for lesion in json.loads((SAMPLE / "truth.json").read_text())["lesions"]}
    say(f"starting a MONAI Label server on a copy of {SAMPLE.relative_to(ROOT)}/studies …")
    with running_server(studies, folder / "server.log") as address:
        client = _client(address, folder)
        say(f"marking {len(marks)} lesion(s) in {baseline.id}")
        client.infer("mark_lesion", baseline.id, {"lesions": marks})
        say(f"tracking in {followup.id}")
        _, answer = client.infer("track_lesion", followup.id, {})
    tracks = [Track.from_json(track) for track in answer["tracks"]]
    print_table(tracks, truth, answer["seconds"])
    lesions = [Lesion.from_json(mark) for mark in marks]
    PICTURE.parent.mkdir(exist_ok=True)
    write_picture(PICTURE, read_volume(baseline.path), read_volume(followup.path), lesions, tracks, truth)
    say(f"picture: {PICTURE.relative_to(ROOT)}")
    return verdict(tracks, truth)


def verdict(tracks: list[Track], truth: dict[str, Any]) -> int:
    """Return 0, or say on stderr what is wrong and return 1: a lesion farther off than its radius, or no network."""
    wrong = [
        f"{track.lesion_id} was found outside of its radius of {track.radius_mm:.1f} mm"
        for track in tracks
        if math.dist(track.center_mm, truth[track.lesion_id]) > track.radius_mm
    ]
    if any(track.model is None for track in tracks):
        wrong.append(
            "the network did not answer, only registration: are the weights in apps/lesion_tracker/model whole?"
        )
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return 1 if wrong else 0


def print_table(tracks: list[Track], truth: dict[str, Any], seconds: dict[str, float]) -> None:
    """Print one line a lesion: expected and found point (LPS mm), distance to the truth, confidence, method."""
    head = (
        f"{'lesion':<10} {'expected, LPS mm':<24} {'found, LPS mm':<24} {'truth':>8} {'confidence':>11}  state, method"
    )
    say("\n" + head + "\n" + "-" * len(head))
    for track in tracks:
        off = math.dist(track.center_mm, truth[track.lesion_id])
        confidence = f"{track.confidence:.2f}" + ("" if track.calibrated else "*")
        points = f"{_mm(track.expected_mm):<24} {_mm(track.center_mm):<24}"
        say(f"{track.lesion_id:<10} {points} {off:5.1f} mm {confidence:>11}  {track.state}, {track.method}")
        if track.note:
            say(f"{'':<10} {track.note}")
    say(
        "truth: distance of the found point from the true one"
        + ("; *: not calibrated" if not tracks[0].calibrated else "")
    )
    say("seconds: " + ", ".join(f"{stage} {value:.1f}" for stage, value in seconds.items()) + "\n")


def _client(address: str, folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports cgi
        from monailabel.client import MONAILabelClient
    return MONAILabelClient(address, tmpdir=str(folder), client_id="demo")


def _mm(point: tuple[float, float, float]) -> str:
    return "(" + ", ".join(f"{value:.1f}" for value in point) + ")"


if __name__ == "__main__":
    sys.exit(main())
