"""Every command of docs/reproduce-the-paper.md is one that the program understands."""

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from lesion_tracker.commands.dispatch import COMMANDS

PAGE = Path(__file__).parents[1] / "docs" / "reproduce-the-paper.md"
LINES = [line.strip() for line in PAGE.read_text().splitlines() if re.match(r"    M \S", line)]


def test_the_page_has_its_commands() -> None:
    named = {shlex.split(line)[1] for line in LINES}
    assert named >= {
        "convert-deeplesion",
        "prepare",
        "train",
        "predict-dls",
        "evaluate-dls",
        "compare",
        "evaluate-response",
    }


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_page_is_understood(line: str) -> None:
    _, name, *words = shlex.split(line)
    assert name in COMMANDS
    parser = argparse.ArgumentParser(exit_on_error=False)
    importlib.import_module(f"lesion_tracker.commands.{name.replace('-', '_')}").add_arguments(parser)
    parser.parse_args(words)  # ends the test where a word is unknown or one is lacking
    for word in words:
        if word.startswith("benchmarks/"):
            assert (PAGE.parents[1] / word).is_file()
