"""`track`: lesions of a baseline CT to their places in a follow-up CT, as JSON, table and picture."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lesion_tracker.commands.options import (
    add_reading_arguments,
    add_tracking_arguments,
    cache_of,
    reading_of,
    track_options_of,
    tracker_of,
)
from lesion_tracker.commands.outputs import require_folder_of
from lesion_tracker.errors import FileFormatError, StudyOrderError
from lesion_tracker.files.json_file import write_json
from lesion_tracker.files.marks_file import read_marks
from lesion_tracker.files.tracks_file import tracks_json, write_tracks_csv
from lesion_tracker.readers.sizes import sized
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.state import STATES
from lesion_tracker.records.track import Track
from lesion_tracker.report.markups import markups_from_tracks
from lesion_tracker.report.picture import SUFFIXES, write_picture
from lesion_tracker.tracking.pair import Pair, read_pair
from lesion_tracker.tracking.session import Tracked, session

MARKS = '{"lesions": [{"id", "center_mm", "radius_mm"}]}, Slicer\'s .mrk.json, or a CSV with x, y, z (LPS mm)'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("baseline", type=Path, help="NIfTI, NRRD or MetaImage file, or DICOM folder")
    parser.add_argument("followup", type=Path, help="the same of the later study")
    parser.add_argument("--lesions", type=Path, required=True, help=MARKS)
    parser.add_argument("--out", type=Path, required=True, help="tracks.json")
    parser.add_argument(
        "--picture",
        type=Path,
        help="PNG: three planes through each lesion in both studies; four lesions a page",
    )
    parser.add_argument("--truth", type=Path, help="a lesions file of the follow-up; marked in the picture")
    parser.add_argument("--csv", type=Path, help="the tracks as a table")
    parser.add_argument("--markups", type=Path, help="the tracks as markups JSON for 3D Slicer")
    add_tracking_arguments(parser)
    add_reading_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Track, write what was asked for, print a line per lesion; return 0."""
    require_folder_of(
        args.out,
        args.picture,
        args.csv,
        args.markups,
        read=(args.baseline, args.followup, args.lesions, args.truth),
    )
    if args.picture and args.picture.suffix.lower() not in SUFFIXES:
        raise FileFormatError(f"--picture is one of {', '.join(SUFFIXES)}, got {args.picture.name!r}")
    marks = read_marks(args.lesions)
    truth = {mark.id: mark.center_mm for mark in read_marks(args.truth)} if args.truth else None
    model, cache = tracker_of(args), cache_of(args)

    def opened() -> tuple[Pair, Sequence[Lesion]]:
        pair = read_pair(args.baseline, args.followup, reading=reading_of(args), any_pair=args.any_pair)
        _require_two(pair)
        return pair, sized(marks, pair.baseline, pair.baseline_id)

    done = session(opened, track_options_of(args), published=lambda: (model, ""), cache=cache)
    _write(args, done, truth)
    for line in _warnings(done):
        print(f"warning: {line}", file=sys.stderr)
    print(table(done.tracks))
    print("seconds: " + ", ".join(f"{stage} {value:.1f}" for stage, value in done.seconds.items()))
    return 0


def table(tracks: Sequence[Track]) -> str:
    """Return a line per track under a heading; positions are LPS mm of the follow-up."""
    width = max(len("lesion"), *(len(track.label or track.lesion_id) for track in tracks))
    states = max(map(len, STATES))
    lines = [f"{'lesion':{width}}  {'state':{states}}  conf.      x mm     y mm     z mm  moved mm  method"]
    for track in tracks:
        x, y, z = track.center_mm
        lines.append(
            f"{track.label or track.lesion_id:{width}}  {track.state:{states}}  {track.confidence:5.2f}  "
            f"{x:8.1f} {y:8.1f} {z:8.1f}  {track.moved_mm:8.1f}  {track.method}"
        )
    return "\n".join(lines)


def _require_two(pair: Pair) -> None:
    """Raise where the follow-up is the baseline again, under whatever name."""
    one, other = pair.baseline, pair.followup
    if one.grid.size == other.grid.size and np.array_equal(one.hu, other.hu):
        raise StudyOrderError(
            f"{pair.baseline_id} and {pair.followup_id} hold the same voxels: the same study twice? "
            "The second is to be the later one"
        )


def _write(
    args: argparse.Namespace,
    done: Tracked,
    truth_mm: dict[str, tuple[float, float, float]] | None,
) -> None:
    write_json(tracks_json(done.tracks, done.seconds), args.out)
    if args.csv:
        write_tracks_csv(done.tracks, args.csv)
    if args.markups:
        write_json(markups_from_tracks(done.tracks), args.markups)
    if args.picture:
        pair = done.pair
        pages = write_picture(args.picture, pair.baseline, pair.followup, done.lesions, done.tracks, truth_mm)
        if len(pages) > 1:
            print(f"{len(pages)} pages: {pages[0]} to {pages[-1]}")


def _warnings(done: Tracked) -> list[str]:
    found = list(done.pair.warnings)
    for track in done.tracks:
        found.extend(track.warnings)
    return list(dict.fromkeys(found))
