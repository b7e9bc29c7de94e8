"""`convert-deeplesion`: DeepLesion's PNG slices to NIfTI sub-volumes, resumable, verified by hash at the end."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field
from tqdm import tqdm

from lesion_tracker.commands.work.local import LocalWorkers
from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.files.json_file import write_json
from lesion_tracker.files.json_model import Entry, read_model
from lesion_tracker.paper.deeplesion_info import SubVolume, read_info, wanted_by
from lesion_tracker.paper.deeplesion_volume import convert
from lesion_tracker.records.counted import counted
from lesion_tracker.scoring.provenance import hash_of

MANIFEST = "volumes.json"
SCHEMA = 1
KEEP_EVERY_S = 20.0
"""So often the list of what is done is written: as much is done again after a power cut."""
SHOWN = 20
"""Failures that are printed; the manifest has all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("images", type=Path, help="DeepLesion's folder Images_png")
    parser.add_argument("--info", type=Path, required=True, help="DL_info.csv")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="of the NIfTI files; goes on where it stopped"
    )
    parser.add_argument(
        "--dls", type=Path, nargs="+", default=[], metavar="FILE", help="only what these annotations name"
    )
    parser.add_argument(
        "--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Convert and verify; return 0, or 2 if a volume could not be written, or 1 if one is damaged on disk."""
    if args.workers < 1:
        raise InputError(f"--workers must be at least 1, got {args.workers}")
    if not args.images.is_dir():
        raise InputError(f"there is no folder {args.images}")
    wanted = wanted_by(read_info(args.info), args.dls)
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFormatError(f"the folder {args.out} cannot be made: {error.strerror}") from None
    manifest = _Manifest(args.out)
    todo = [volume for volume in wanted if not manifest.has(volume)]
    try:
        failed = _shared_out(
            convert_job, {v.name: (v, args.images, args.out) for v in todo}, args.workers, manifest.add, "volumes"
        )
    finally:
        manifest.write()
    names = [volume.name for volume in wanted if volume.name not in failed]
    damaged = _verify(args.out, names, manifest, args.workers)
    manifest.failed = failed
    manifest.write()
    for reason in [*failed.values(), *damaged][:SHOWN]:
        print(f"failed: {reason}", file=sys.stderr)
    print(
        f"{counted(len(wanted), 'volume')}: {len(todo) - len(failed)} written, {len(wanted) - len(todo)} known already, "
        f"{len(failed)} without a file, {len(damaged)} damaged; hashes: {args.out / MANIFEST}"
    )
    return 1 if damaged else 2 if failed else 0


def convert_job(job: tuple[SubVolume, Path, Path]) -> str:
    """Convert one volume in a process of its own; return its hash."""
    return convert(*job)


def _verify(folder: Path, names: Sequence[str], manifest: "_Manifest", workers: int) -> list[str]:
    """Read every file again; forget and delete those that are not what was written, so that the next run makes them anew."""
    found: dict[str, str] = {}
    gone = _shared_out(hash_of, {name: folder / name for name in names}, workers, found.__setitem__, "verified")
    wrong = [name for name in names if found.get(name) != manifest.hashes.get(name)]
    for name in wrong:
        manifest.forget(name)
        (folder / name).unlink(missing_ok=True)
    return [f"{name}: {gone.get(name, 'its hash is not that of what was written')}; run again" for name in wrong]


def _shared_out(
    function: Callable[[Any], Any],
    jobs: Mapping[str, Any],
    count: int,
    keep: Callable[[str, Any], object],
    what: str,
) -> dict[str, str]:
    """Run jobs in processes; return why those failed that failed."""
    failed: dict[str, str] = {}
    workers = LocalWorkers(function, min(count, max(1, len(jobs))))
    try:
        for key, job in jobs.items():
            workers.submit(key, job)
        with tqdm(total=len(jobs), desc=what, file=sys.stderr, mininterval=0.5 if sys.stderr.isatty() else 30.0) as bar:
            while outcomes := workers.wait():
                for outcome in outcomes:
                    if outcome.error:
                        failed[outcome.key] = outcome.error
                    else:
                        keep(outcome.key, outcome.value)
                    bar.update(1)
    finally:
        workers.close()
    return failed


class _ManifestFile(Entry):
    volumes: dict[str, str] = Field(description="a hash, which is a text")
    failed: Any = None


def read_manifest(path: Path) -> dict[str, str]:
    """Return the hash of each volume that was written.

    Raises:
        FileFormatError: for a manifest that is none.
    """
    return read_model(path, _ManifestFile).volumes


class _Manifest:
    """volumes.json: the hash of every file that was written.

    Args:
        folder: of the files.

    Raises:
        FileFormatError: for a manifest that is none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / MANIFEST
        self.hashes: dict[str, str] = {}
        self.failed: dict[str, str] = {}
        self._written = time.monotonic()
        if self.path.exists():
            self.hashes = read_manifest(self.path)

    def has(self, volume: SubVolume) -> bool:
        """Say whether a volume was written before and is still there."""
        return volume.name in self.hashes and (self.folder / volume.name).is_file()

    def add(self, name: str, digest: str) -> None:
        """Note a volume that was written."""
        self.hashes[name] = digest
        if time.monotonic() > self._written + KEEP_EVERY_S:
            self.write()

    def forget(self, name: str) -> None:
        """Take a volume off the list."""
        self.hashes.pop(name, None)

    def write(self) -> None:
        """Write the list."""
        self._written = time.monotonic()
        write_json({"schema": SCHEMA, "volumes": dict(sorted(self.hashes.items())), "failed": self.failed}, self.path)
