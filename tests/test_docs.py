"""What the pages tell a reader to do exists: links, files, settings, targets of make, commands and their arguments."""

import argparse
import importlib
import importlib.util
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from lesion_tracker.commands.dispatch import COMMANDS
from lesion_tracker.records.state import STATES
from lesion_tracker.settings import Settings
from tests.test_import_order import PACKAGE

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (*ROOT.glob("*.md"), *DOCS.glob("*.md"), *ROOT.glob("apps/lesion_tracker/model/**/*.md"))
} | {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (*ROOT.glob("benchmarks/**/*.md"), *ROOT.glob("sample-data/*.md"))
}
PROGRAM = re.compile(r"(?:python \S*main\.py|(?<![\w/.-])(?:\S*/)?lesion-tracker) (?=[a-z])")
"""How a page calls the command line."""


def _anchors(page: str) -> set[str]:
    """Return the names that headings have in the address of a page, as GitHub and most viewers make them."""
    heads = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_links_or_shows_exists(name: str) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[name]):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        if not file.exists() or (anchor and anchor not in _anchors(file.read_text())):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("name", PAGES)
def test_a_file_of_the_project_that_a_page_names_exists(name: str) -> None:
    named = re.findall(
        r"(?<![\w/.\-*])((?:apps|benchmarks|docs|tests|sample-data)/[\w./-]*\w\.(?:py|md|toml|json|sh|png|js|npz))\b",
        PAGES[name],
    )
    assert [file for file in named if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_module_that_a_page_names_exists(name: str) -> None:
    named = set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", PAGES[name]))
    known = [str(path) for top in ("apps", "benchmarks", "tests", "sample-data") for path in (ROOT / top).rglob("*.py")]
    assert [one for one in sorted(named) if not any(path.endswith(f"/{one}") for path in known)] == []


def test_the_index_leads_to_every_page() -> None:
    index = (DOCS / "README.md").read_text()
    assert [path.name for path in DOCS.glob("*.md") if path.name != "README.md" and f"({path.name})" not in index] == []


def test_the_targets_of_make_exist() -> None:
    text = "\n".join(PAGES.values())
    targets = set(re.findall(r"(?:`|^    )make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert {"demo", "serve", "test"} <= targets
    done = subprocess.run(["make", "-n", *sorted(targets)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_modules_that_are_run_exist() -> None:
    named = {name for text in PAGES.values() for name in re.findall(r"python -m ((?:benchmarks|tests)[\w.]*)", text)}
    assert named
    assert [name for name in sorted(named) if importlib.util.find_spec(name) is None] == []


def _calls() -> list[tuple[str, str]]:
    """Return every call of the command line with its page; a line that ends with a backslash goes on."""
    calls = []
    for name, text in PAGES.items():
        for line in re.sub(r"\\\n\s*", "", text).splitlines():
            found = PROGRAM.search(line)
            if line.startswith("    ") and found:
                calls.append((name, re.split(r"\s{3,}", line[found.end() :])[0]))
    return calls


@pytest.mark.parametrize(("name", "call"), _calls())
def test_a_call_of_the_command_line_is_understood(name: str, call: str) -> None:
    command, *words = shlex.split(call)
    assert command in COMMANDS
    parser = argparse.ArgumentParser(exit_on_error=False)
    importlib.import_module(f"lesion_tracker.commands.{command.replace('-', '_')}").add_arguments(parser)
    parser.parse_args(words)  # ends the test where a word is unknown or one is lacking


def test_every_option_of_the_command_line_is_on_a_page() -> None:
    text = "\n".join(PAGES.values())
    lacking = []
    for command in COMMANDS:
        parser = argparse.ArgumentParser()
        importlib.import_module(f"lesion_tracker.commands.{command.replace('-', '_')}").add_arguments(parser)
        for option in parser._option_string_actions:
            if option.startswith("--") and not re.search(rf"{option}\b", text):
                lacking.append(f"{command} {option}")
    assert lacking == []


def test_every_command_is_on_a_page() -> None:
    text = "\n".join(PAGES.values())
    assert [name for name in COMMANDS if not re.search(rf"(?:main\.py|lesion-tracker|    M) {name}\b", text)] == []


@pytest.mark.parametrize("name", PAGES)
def test_commands_that_are_named_in_a_sentence_exist(name: str) -> None:
    named = set(re.findall(r"`(?:main\.py|lesion-tracker) ([a-z-]+)", PAGES[name]))
    assert named <= set(COMMANDS)


SERVER = PAGES["docs/server.md"]


def test_every_setting_stands_on_the_servers_page_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", SERVER, re.MULTILINE))
    assert set(rows) >= set(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, bool):
            assert rows[name] == str(field.default).lower()
        elif isinstance(field.default, int | float):
            assert float(rows[name]) == field.default
        elif field.default is not None:
            assert rows[name] == f"`{field.default}`"


def test_the_ranges_of_settings_are_those_that_are_checked() -> None:
    for name in ("workers", "registration_workers"):
        limits = Settings.model_fields[name].metadata
        low, high = (getattr(limit, kind) for limit, kind in zip(limits, ("ge", "le"), strict=True))
        assert re.search(rf"^\| `{name}` \|.*\b{low} to {high} \|$", SERVER, re.MULTILINE)


def test_the_architecture_names_every_folder_and_no_other() -> None:
    page = PAGES["docs/architecture.md"]
    tree = page[page.index("## The tree") : page.index("## Coordinates")]
    named = set(re.findall(r"^        ([\w/]+)(?:/| |\.py)", tree, re.MULTILINE))
    parts = {path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
    parts |= {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    tops = {name.split("/")[0] for name in named}
    assert tops == parts
    inner = {name for name in named if "/" in name.strip("/")}
    for name in inner:
        assert (PACKAGE / name / "__init__.py").exists(), name


def test_the_pages_for_readers_name_the_states_as_they_are_shown() -> None:
    for state in STATES.values():
        assert f"`{state.name}`" in PAGES["docs/slicer.md"]
        assert state.words in " ".join(PAGES["docs/review-page.md"].split())
        assert state.words in " ".join(PAGES["docs/ohif-and-pacs.md"].split())
