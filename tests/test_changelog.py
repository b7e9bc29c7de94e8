"""The changelog is in the form of Keep a Changelog, and its newest version is the package's."""

import re
from datetime import date
from pathlib import Path

from lesion_tracker import __version__

ROOT = Path(__file__).parents[1]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
VERSIONS = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$", CHANGELOG, re.MULTILINE)
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def test_the_newest_version_is_the_packages() -> None:
    assert VERSIONS[0][0] == __version__  # pyproject.toml takes it from there


def test_every_section_is_a_version_with_its_day_newest_first() -> None:
    heads = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert heads == ["[Unreleased]", *(f"[{version}] - {day}" for version, day in VERSIONS)]
    numbers = [tuple(int(part) for part in version.split(".")) for version, _ in VERSIONS]
    days = [date.fromisoformat(day) for _, day in VERSIONS]
    assert numbers == sorted(set(numbers), reverse=True)
    assert days == sorted(days, reverse=True)


def test_changes_stand_under_their_kind() -> None:
    assert set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE)) <= set(KINDS)
    for section in re.split(r"^## ", CHANGELOG, flags=re.MULTILINE)[2:]:
        assert re.match(r"\[[^\n]+\n\n### \w+\n\n- ", section), section[:60]
