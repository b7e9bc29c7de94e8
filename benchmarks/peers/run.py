"""Every row on its pairs, one after the other, each row in a process of its own; what was measured before is not again."""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from benchmarks.accuracy.cases import SEED, NamedPair
from benchmarks.accuracy.store import Store, answering_code
from benchmarks.peers.measure import Job, failed, measure_job
from benchmarks.peers.peer import Peer, own_code

OWN_CODE = ("app_methods", "convexadam", "deeds", "measure", "on_grid", "peer", "subset")
"""The files here that decide a result, beside the package's."""


class Row:
    """A row and what is known of it.

    Args:
        peer: which can be measured.
        cases: its pairs.
        lesions: of the subset by pair; pairs that are not named are measured with all lesions.
        options: data, constructed, model, device of a `Job`.
    """

    def __init__(
        self, peer: Peer, cases: Sequence[NamedPair], lesions: dict[str, int], options: dict[str, Any]
    ) -> None:
        self.peer, self.cases, self.lesions, self.options = peer, cases, lesions, options
        code = {"code": answering_code(), "own": own_code(*OWN_CODE)}
        key = {**peer.decided_by, **code, "seed": SEED, "device": options["device"], "lesions": lesions}
        self.store = Store(f"peers/{peer.name}", key)

    @property
    def records(self) -> list[dict[str, Any]]:
        """What was measured, in the order of the pairs."""
        return [self.store.records[case.name] for case in self.cases if case.name in self.store.records]

    @property
    def missing(self) -> list[NamedPair]:
        """What was not measured yet."""
        return [case for case in self.cases if case.name not in self.store.records]

    def measure(self, until: float) -> Iterator[str]:
        """Measure what is missing and give each pair's name when it is stored.

        Args:
            until: nothing is started after this time of `time.monotonic`.
        """
        if not self.missing:
            return
        pool = _process()
        try:
            for case in self.missing:
                if time.monotonic() > until:
                    return
                job = Job(self.peer.name, case.name, self.lesions.get(case.name), **self.options)
                try:
                    record = pool.submit(measure_job, job).result()
                except BrokenProcessPool:
                    pool.shutdown()
                    pool = _process()
                    record = _died(case)
                self.store.add(record)
                yield case.name
        finally:
            pool.shutdown(cancel_futures=True)


def _process() -> ProcessPoolExecutor:
    """Start a process that shares nothing with the row before but the libraries, which are imported once for all rows."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "monai"])
    return ProcessPoolExecutor(1, context)


def _died(case: NamedPair) -> dict[str, Any]:
    """Return the record of a pair at which the row's process died."""
    truth = [one for one in case.load().truth if one["counted"]]
    why = "its process died: not enough memory?"
    return {"pair": case.name, "data": case.data, "volume": case.volume, "truth": truth, **failed(truth, why)}
