"""The three configurations of docs/reproduce-the-paper.md are readable and differ only where the paper's rows do."""

from pathlib import Path

import pytest

from lesion_tracker.training.run.settings import read_settings

PAPER = Path(__file__).parents[2] / "benchmarks" / "paper"


@pytest.mark.parametrize(
    ("name", "own", "supervised"), [("dlt", 0.0, 1.0), ("dlt-ssl", 1.0, 0.0), ("dlt-mix", 0.25, 0.75)]
)
def test_the_shares_are_the_papers(tmp_path, name, own, supervised):
    settings = read_settings(PAPER / f"{name}.toml", tmp_path / "data", tmp_path / "out")
    assert settings.data.self_supervised == own
    assert settings.data.supervised_share == supervised
    first = read_settings(PAPER / "dlt.toml", tmp_path / "data", tmp_path / "out")
    assert (settings.network, settings.optimiser, settings.run) == (first.network, first.optimiser, first.run)
    assert settings.network.blocks == (6, 12, 24)


def test_the_page_names_every_configuration():
    page = (PAPER.parents[1] / "docs" / "reproduce-the-paper.md").read_text()
    for path in PAPER.glob("*.toml"):
        assert path.stem in page
