"""The benchmark's directed pairs as work to do, and their answers in the form in which the paper's were released."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import shown
from lesion_tracker.paper.dls_file import (
    DEFAULT_KEY,
    PRIOR_KEY,
    SHIFT_KEY,
    dls_entries,
    dls_from_lps,
    dls_numbers,
    shift_of,
)
from lesion_tracker.paper.dls_pairs_file import DlsSide, dls_side
from lesion_tracker.paper.dls_robustness import clicks_of
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track

SMALLEST_MM, LARGEST_MM = 0.5, 200.0
"""Radii that a lesion may have here."""
TRUTH = {
    "target center": (3, 0.1, 0.0),
    "target spacing": (3, 0.0, 1e-3),
    "target recist diameter": (2, 0.1, 0.01),
    "target box": (6, 0.1, 0.0),
}
"""What a file of predictions repeats of the truth: how many numbers, and by how much they may differ (absolute, in voxels
but for the spacing, and relative). The released files differ by 0.05 voxel: one rounds."""
OPTIONAL = ("target box",)


@dataclass(frozen=True, eq=False)
class DlsClick:
    """A click in the source sub-volume whose place in the target is asked for.

    Args:
        id: of the click, "0001" or, for shifted ones, "0001/3".
        entry: what the file says of the pair.
        shift: 0 for the click itself, then 1, 2, …
        center_mm: LPS of the source.
        target: the true lesion.
    """

    id: str
    entry: dict[str, Any]
    shift: int
    center_mm: PointMm
    radius_mm: float
    target: DlsSide

    @property
    def lesion(self) -> Lesion:
        """The click as a lesion to track."""
        x, y, z = (float(v) for v in self.center_mm)
        return Lesion(self.id, (x, y, z), float(np.clip(self.radius_mm, SMALLEST_MM, LARGEST_MM)))


@dataclass(frozen=True, eq=False)
class DlsJob:
    """All clicks from one sub-volume to another: one registration.

    Args:
        source: file name.
        target: file name.
        clicks: in the order of the file.
    """

    source: str
    target: str
    clicks: tuple[DlsClick, ...]


def read_dls_jobs(path: Path, shifts: int = 0) -> list[DlsJob]:
    """Read the directed pairs of an annotation file, each direction for itself, grouped by sub-volumes.

    Args:
        path: {"0001": {…}} or {"results": […]}; the file lists both directions.
        shifts: further clicks of the robustness protocol for each lesion; 0: none.

    Raises:
        FileFormatError: for a missing or wrong file, with the entry's number and key.
    """
    groups: dict[tuple[str, str], list[DlsClick]] = {}
    for name, entry in dls_entries(path):
        where = f"{path}: entry {name!r}"
        source, target = dls_side(where, entry, "source"), dls_side(where, entry, "target")
        centers = clicks_of(name, source.center_mm, source.radius_mm, shifts)
        groups.setdefault((source.volume, target.volume), []).extend(
            DlsClick(f"{name}/{n}" if n else name, entry, n, center, source.radius_mm, target)
            for n, center in enumerate(centers)
        )
    return [DlsJob(source, target, tuple(clicks)) for (source, target), clicks in groups.items()]


def released_entry(click: DlsClick, track: Track) -> dict[str, Any]:
    """Return an answer with the released files' keys: theirs and ours go through the same evaluator.

    Args:
        click: what was asked.
        track: what was answered, LPS mm of the target as DeepLesion's converter writes it; its seconds are those of a
            single lesion, registration included, as in the released files.
    """
    spacing_mm = click.target.spacing_mm
    kept = {key: value for key, value in click.entry.items() if not key.startswith("predict")}
    entry = {
        **kept,
        DEFAULT_KEY: dls_from_lps(np.array(track.center_mm), spacing_mm).tolist(),
        PRIOR_KEY: dls_from_lps(np.array(track.expected_mm), spacing_mm).tolist(),
        "predict confidence": track.confidence,
        "processing time": track.seconds.get("total", 0.0),
        "method": track.method,
        "state": track.state,
    }
    return {**entry, SHIFT_KEY: click.shift} if click.shift else entry


def require_same_truth(predictions: Path, annotations: Path) -> None:
    """Refuse predictions whose entries name other volumes, or another truth, than the benchmark's own file.

    Original entries are matched by their number; the k-th entry of each shift is the k-th annotated one, as
    `released_file` writes them.

    Raises:
        FileFormatError: with the entry's number, the key and both values.
    """
    truth = dls_entries(annotations)
    names = [name for name, _ in truth]
    by_shift: dict[int, list[tuple[str, dict[str, Any]]]] = {}
    for number, entry in dls_entries(predictions):
        by_shift.setdefault(shift_of(f"{predictions}: entry {number!r}", entry), []).append((number, entry))
    for shift, entries in sorted(by_shift.items()):
        order = [number for number, _ in entries] if not shift else names
        if len(entries) != len(names) or set(order) != set(names):
            raise FileFormatError(
                f"{predictions} has {len(entries)} entries of {SHIFT_KEY} {shift}, {annotations} has {len(names)} entries: "
                "each of them must be answered, in their order"
            )
        of_name = dict(truth)
        for name, (number, entry) in zip(order, entries, strict=True):
            _require_same_entry(
                f"{predictions}: entry {number!r}", entry, of_name[name], f"entry {name!r} of {annotations}"
            )


def _require_same_entry(where: str, entry: dict[str, Any], true: dict[str, Any], whose: str) -> None:
    differing = [key for key in ("source", "target") if entry.get(key) != true.get(key)]
    for key, (count, absolute, relative) in TRUTH.items():
        if key in OPTIONAL and (entry.get(key) is None or true.get(key) is None):
            continue
        mine, own = (dls_numbers(at, one, key, count) for at, one in ((where, entry), (whose, true)))
        if not np.allclose(mine, own, rtol=relative, atol=absolute):
            differing.append(key)
    if differing:
        key = differing[0]
        raise FileFormatError(
            f"{where}: {key!r} is {shown(entry.get(key))}, but {whose} has {shown(true.get(key))}: are these answers to "
            "the same lesions?"
        )


def released_file(entries: Sequence[tuple[DlsClick, dict[str, Any]]], order: Sequence[str]) -> dict[str, Any]:
    """Return the content of a released file: original clicks in the file's order, then the shifted ones.

    Args:
        entries: what `released_entry` returned for each click.
        order: ids of the pairs as their file lists them.

    Raises:
        FileFormatError: if a pair's own click has no answer; the file's numbers would shift.
    """
    by_shift = {(click.id.split("/")[0], click.shift): entry for click, entry in entries}
    missing = [name for name in order if (name, 0) not in by_shift]
    if missing:
        raise FileFormatError(f"entry {missing[0]!r} and {len(missing) - 1} more have no answer yet")
    shifts = sorted({click.shift for click, _ in entries})
    rows = [by_shift[name, n] for n in shifts for name in order if (name, n) in by_shift]
    return {"schema": 1, "results": rows, "iso_radius": -1}
