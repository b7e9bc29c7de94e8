"""Marked pairs to what training reads: two prepared studies, and where the affine puts each lesion, both ways."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lesion_tracker.arrays import PointsMm
from lesion_tracker.errors import FileFormatError, RegistrationFailed
from lesion_tracker.paper.dls_pairs_file import DlsPair, read_dls_pairs, require_dls_grid
from lesion_tracker.registration.register import register
from lesion_tracker.scoring.pairs_file import PairEntry, read_pairs
from lesion_tracker.training.prepared.prepare import prepare_study
from lesion_tracker.training.prepared.prepared_pair import PairedLesion, PreparedPair, require_pair
from lesion_tracker.training.prepared.prepared_study import PreparedStudy
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PairToPrepare:
    """What a file says of two studies and their lesions.

    Args:
        name: of the pair.
        baseline: its file.
        followup: its file.
        lesions: marked in both; expected places are still to be measured.
        dls: the files must lie as DeepLesion's converter writes them.
    """

    name: str
    baseline: Path
    followup: Path
    lesions: tuple[PairedLesion, ...]
    dls: bool = False


def pairs_of_file(path: Path) -> list[PairToPrepare]:
    """Read a pairs file; its studies must be there.

    Raises:
        FileFormatError: for a file or study that is missing or wrong.
    """
    found = [
        PairToPrepare(f"{path.stem}_{n}", entry.baseline, entry.followup, _lesions(entry))
        for n, entry in enumerate(read_pairs(path), start=1)
    ]
    _require_files(path, found)
    return found


def pairs_of_dls(path: Path, folder: Path) -> list[PairToPrepare]:
    """Read a DLS annotation file whose sub-volumes lie in `folder`; lesions of the same two volumes become one pair.

    Raises:
        FileFormatError: for a file or sub-volume that is missing or wrong.
    """
    groups: dict[tuple[str, str], list[DlsPair]] = {}
    for pair in read_dls_pairs(path):
        there = (pair.source.volume, pair.target.volume)
        swapped = DlsPair(pair.id, pair.target, pair.source)
        key, ordered = (there, pair) if there[::-1] not in groups else (there[::-1], swapped)
        groups.setdefault(key, []).append(ordered)
    found = [
        PairToPrepare(
            f"{path.stem}_{pairs[0].id}", folder / source, folder / target, tuple(map(_of_dls, pairs)), dls=True
        )
        for (source, target), pairs in groups.items()
    ]
    _require_files(path, found)
    return found


def prepare_pairs(todo: list[PairToPrepare]) -> Iterator[PreparedPair]:
    """Read, register and prepare the pairs one by one.

    Raises:
        StudyError: for a file that is no usable CT volume.
        FileFormatError: for a lesion outside its study.
    """
    for item in todo:
        volumes = read_volume(item.baseline), read_volume(item.followup)
        if item.dls:
            for path, volume in zip((item.baseline, item.followup), volumes, strict=True):
                require_dls_grid(path.name, volume.grid)
        require_pair(item.name, volumes[0].grid, volumes[1].grid, item.lesions)
        baseline, followup = (
            _study(path, volume) for path, volume in zip((item.baseline, item.followup), volumes, strict=True)
        )
        yield PreparedPair(item.name, baseline, followup, with_expected(item, *volumes))


def with_expected(item: PairToPrepare, baseline: Volume, followup: Volume) -> tuple[PairedLesion, ...]:
    """Measure where the affine puts each lesion, in both directions; None where it cannot be registered."""
    there = _registered(item.name, baseline, followup, np.stack([lesion.baseline_mm for lesion in item.lesions]))
    back = _registered(item.name, followup, baseline, np.stack([lesion.followup_mm for lesion in item.lesions]))
    return tuple(
        PairedLesion(**{**vars(lesion), "expected_mm": there[n], "expected_back_mm": back[n]})
        for n, lesion in enumerate(item.lesions)
    )


def _registered(name: str, baseline: Volume, followup: Volume, points: PointsMm) -> list[np.ndarray | None]:
    try:
        return list(register(baseline, followup, "affine")(points))
    except RegistrationFailed as error:
        logger.warning("pair %s cannot be registered; training draws its expected points: %s", name, error)
        return [None] * len(points)


def _study(path: Path, volume: Volume) -> PreparedStudy:
    name = path.name.split(".")[0] if path.is_file() else path.name
    return prepare_study(f"{path.absolute().parent.name}__{name}", volume, [])


def _require_files(path: Path, found: list[PairToPrepare]) -> None:
    missing = sorted({str(p) for item in found for p in (item.baseline, item.followup) if not p.exists()})
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise FileFormatError(f"{path}: there is no study {missing[0]}{more}")


def _lesions(entry: PairEntry) -> tuple[PairedLesion, ...]:
    return tuple(
        PairedLesion(
            marked.lesion.id,
            np.array(marked.lesion.center_mm),
            marked.lesion.radius_mm,
            np.array(marked.followup_mm),
            marked.score_radius_mm,
        )
        for marked in entry.lesions
    )


def _of_dls(pair: DlsPair) -> PairedLesion:
    source, target = pair.source, pair.target
    return PairedLesion(pair.id, source.center_mm, source.radius_mm, target.center_mm, target.radius_mm)
