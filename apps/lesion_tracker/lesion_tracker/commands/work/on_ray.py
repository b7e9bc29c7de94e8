"""Jobs on a Ray cluster (an optional dependency); the results come back to this process, which alone writes them.

Every machine of the cluster must see the project, the studies and the weights under the same paths.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from lesion_tracker.commands.work.workers import Outcome, one_line

ATTEMPTS = 3
"""A job whose worker dies is run again by Ray so many times in all."""
LOCAL = "local"
"""The address that starts a cluster of this machine's processors."""


class RayWorkers:
    """Tasks of a Ray cluster.

    Args:
        function: of a module that the workers can import; takes a job's payload.
        address: of the cluster ("ray://head:10001", "head:6379", "auto"), or "local" to start one here.
        count: how many jobs at a time on a cluster started here; else the cluster decides.
        environment: variables set in each worker.
        python_path: folders from which the workers import.
        cpus: that a job takes of a cluster that was not started here.

    Raises:
        ConnectionError, RuntimeError: if there is no such cluster, or it is of another version of Ray.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        address: str,
        count: int,
        environment: Mapping[str, str] | None = None,
        python_path: Sequence[Path] = (),
        cpus: int = 1,
    ) -> None:
        path = os.pathsep.join([*map(str, python_path), *filter(None, [os.environ.get("PYTHONPATH")])])
        variables = {"env_vars": {**(environment or {}), "PYTHONPATH": path}}
        ray.init(
            address=address,
            num_cpus=count if address == LOCAL else None,  # another cluster knows its own
            include_dashboard=False if address == LOCAL else None,
            runtime_env=variables,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        self._remote = ray.remote(num_cpus=1 if address == LOCAL else cpus, max_retries=ATTEMPTS - 1)(function)
        self._running: dict[Any, str] = {}

    def submit(self, key: str, payload: Any) -> None:
        """Hand in a job."""
        self._running[self._remote.remote(payload)] = key

    def wait(self) -> list[Outcome]:
        """Return the outcomes of at least one job; nothing if none is left."""
        if not self._running:
            return []
        done, _ = ray.wait(list(self._running), num_returns=1)
        return [self._finished(reference) for reference in done]

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._running.clear()
        ray.shutdown()

    def _finished(self, reference: Any) -> Outcome:
        key = self._running.pop(reference)
        try:
            return Outcome(key, ray.get(reference))
        except RayTaskError as error:
            return Outcome(key, None, one_line(error.cause))
        except RayError as error:
            return Outcome(key, None, f"its worker died {ATTEMPTS} times: out of memory? {one_line(error)}"[:500])
