"""The page on /info/ under load, from what was measured."""

import os
import platform
from pathlib import Path
from typing import Any

HEAD = """# /info/ while four clients track

`{command}`: a real server on a copy of the sample data, three lesions a patient. Four clients track, and none
begins a track after {seconds:g} s; each has a patient of its own: 3D Slicer (markups), OHIF (a label map on the follow-up's
grid), a program (JSON), the review page (*Track all later studies*). Until the last answer `/info/` is asked every 200 ms; a
wait counts from the moment at which the request was due.

*Known pairs*: each pair of studies is registered once and remembered, as a server comes. *Fresh pairs*: nothing is
remembered, every track registers anew. *Large pair* (with `--large`): all four track one pair of 512 x 512 x 600 voxels.

| | /info/ asked | median | 95 % | worst | reach | | tracks (Slicer, OHIF, program, review) |
|---|---|---|---|---|---|---|---|
"""


def load_page(found: dict[str, Any]) -> str:
    """Return LOAD.md.

    Args:
        found: the content of load.json.
    """
    reach = f"{found['reach_ms']['median']} ms median, {found['reach_ms']['worst']} ms worst"
    text = HEAD.format(command=found["command"], seconds=found["track_s"])
    for name, one in found["scenarios"].items():
        tracks = " ".join(str(count) for count in one["tracks"].values())
        text += (
            f"| {name} | {one['requests']} | {one['median_ms']} ms | {one['p95_ms']} ms | {one['worst_ms']} ms "
            f"| {reach} | {one['verdict']} | {tracks} |\n"
        )
    for name, one in found["scenarios"].items():
        text += "".join(f"\n{name}, not answered with tracks: {line}\n" for line in one["refused"])
    before, after = (", ".join(str(value) for value in found[name]) for name in ("load_before", "load_after"))
    load = f"load (1, 5, 15 min) before the first scenario {before}, after the last one {after}"
    return f"{text}\nMachine: {found['machine']}; {load}. A load above the processors means that other programs ran.\n"


def machine() -> str:
    """Return the processor's name and how many of its threads there are."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.processor()}, {len(os.sched_getaffinity(0))} CPUs"
