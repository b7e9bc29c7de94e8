"""Evidence about the candidates of every lesion of a pair, with the truth and their patches beside it."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.cases import NamedPair
from benchmarks.accuracy.measure import CACHE_BYTES
from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.files.whole import written_whole
from lesion_tracker.network.weights import Tracker
from lesion_tracker.records.method import METHODS
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.tracking.look import look
from lesion_tracker.tracking.registered import Registered, device_beside


def collect(case: NamedPair, model: Tracker, patches: Path) -> dict[str, Any]:
    """Return the evidence of the lesions of one pair whose expected place was scanned, as plain JSON values.

    Args:
        case: the pair.
        model: the weights.
        patches: a file for the HU round each lesion and its candidates, (lesions, candidates + 1) cubes, one array a lesion.
    """
    started = time.perf_counter()
    loaded = case.load()
    record: dict[str, Any] = {"pair": case.name, "data": case.data, "volume": case.volume, "lesions": []}
    cubes: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            cache = RegistrationCache(Path(folder), CACHE_BYTES)
            registered = Registered(loaded.pair, METHODS["auto"], False, cache, device_beside(model))
            cases = [registered.case(lesion) for lesion in loaded.lesions()]
        except RegistrationFailed as error:
            return {**record, "failed": str(error), "seconds": time.perf_counter() - started}
    for truth, sought in zip(loaded.truth, cases, strict=True):
        if not loaded.pair.followup.grid.contains(sought.expected_mm[None])[0]:
            continue  # its state is "outside", without a confidence
        (seen,) = look(model, [sought])
        record["lesions"].append({
            "truth": truth, "network_mm": np.asarray(seen.network_mm).tolist(), "peak": seen.peak, "head": seen.head,
            "doubts": [doubt.sentence for doubt in sought.registration.doubts],
            "candidates": [
                {"center_mm": np.asarray(c.center_mm).tolist(), "sources": list(c.sources), "evidence": e.values()}
                for c, e in zip(seen.candidates, seen.evidence, strict=True)
            ],
        })  # fmt: skip
        places = [seen.after(number).hu for number in range(len(seen.candidates))]
        cubes[truth["id"]] = np.stack([seen.before.hu, *places])
    with written_whole(patches) as draft:
        np.savez_compressed(draft, **cubes)
    return {**record, "seconds": time.perf_counter() - started}
