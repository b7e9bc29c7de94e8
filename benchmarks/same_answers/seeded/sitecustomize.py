"""Python imports this at its start: greedy adds noise to images, and seeds it by the clock unless it is told a seed."""

import importlib.util
from typing import Any

if importlib.util.find_spec("picsl_greedy"):
    from picsl_greedy import Greedy3D

    _execute = Greedy3D.execute

    def _seeded(self: Any, command: str, *args: Any, **images: Any) -> Any:
        return _execute(self, command if "-seed" in command else f"{command} -seed 1", *args, **images)

    Greedy3D.execute = _seeded
