"""What the README tells a reader to do exists."""

import re
import subprocess
from pathlib import Path

import pytest

from lesion_tracker.commands.dispatch import COMMANDS
from lesion_tracker.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    "target", sorted(set(re.findall(r"make (demo|test|serve|venv|benchmark-quick|benchmark)\b", README)))
)
def test_the_make_commands_exist(target: str) -> None:
    subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True)


def test_the_shell_commands_exist() -> None:
    named = set(re.findall(r"main\.py ([a-z-]+)", README))
    assert named
    assert named <= set(COMMANDS)


def test_every_setting_is_named() -> None:
    assert [name for name in Settings.model_fields if f"`{name}`" not in README] == []


def test_files_that_it_shows_or_links_exist() -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path


def test_it_says_what_it_must() -> None:
    for text in ("11,410,309", "Apache-2.0", "CC BY 3.0", "not a medical device", "make demo"):
        assert text in README


def test_the_first_screen_has_the_demos_output_and_picture() -> None:
    first = "\n".join(README.splitlines()[:50])
    assert "lesion_1" in first
    assert "(docs/demo.png)" in first
