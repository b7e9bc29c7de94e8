"""A step with its loader costs at most 1.15 times a step on cached examples."""

from pathlib import Path

import pytest

from benchmarks.training.step_time import measure
from tests.training.made import made_config, made_folder


@pytest.mark.slow
def test_the_loader_hides_behind_the_step(tmp_path: Path) -> None:
    folder = made_folder(tmp_path / "data")
    # the published size of layers, so that a step costs what it does; drawing an example takes one worker
    edits = "blocks = [1, 1, 1]\ngrowth = 8\nstem = 8=>blocks = [4, 6, 8]\ngrowth = 20\nstem = 32"
    config = made_config(tmp_path, folder, workers=1, edit=edits)
    loaded, cached = measure(config, None, 20)
    assert loaded <= 1.15 * cached
