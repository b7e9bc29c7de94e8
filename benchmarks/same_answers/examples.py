"""Prints a hash of each of a run's first training examples; it runs in the checkout that it is started for."""

import hashlib
import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

COUNT = 12


def main() -> int:
    """Read the configuration that is named, and print {"example 0": hash, …}."""
    read_settings, read_data, examples_of = _functions()
    settings = read_settings(Path(sys.argv[1]))
    examples = examples_of(settings, read_data(settings))
    found = {}
    for number in range(COUNT):
        digest = hashlib.sha256()
        _add(digest, examples[number])
        found[f"example {number}"] = digest.hexdigest()
    print(json.dumps(found))
    return 0


def _functions() -> Any:
    """Return the functions of the package, which was called `lib` before it had a name of its own."""
    lib = importlib.util.find_spec("lib")  # a folder without a module, such as a left __pycache__, has no origin
    folder = "lib.training" if lib is not None and lib.origin is not None else "lesion_tracker.training.run"
    settings, start = (importlib.import_module(f"{folder}.{name}") for name in ("settings", "start"))
    return settings.read_settings, start.read_data, start.examples_of


def _add(digest: Any, value: Any) -> None:
    """Add all numbers of a value to a digest, in the order of its fields; their names do not count."""
    if isinstance(value, torch.Tensor | np.ndarray):
        array = np.ascontiguousarray(value.float().numpy() if isinstance(value, torch.Tensor) else value)
        digest.update(str(array.shape).encode() + array.tobytes())
        return
    parts = (
        value if isinstance(value, list | tuple) else list(vars(value).values()) if hasattr(value, "__dict__") else None
    )
    if parts is None:
        digest.update(repr(value).encode())
    for part in parts or ():
        _add(digest, part)


if __name__ == "__main__":
    sys.exit(main())
