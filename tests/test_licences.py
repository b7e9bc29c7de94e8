"""docs/licences.md against what is installed and pinned."""

import re

from packaging.utils import canonicalize_name

from tests.licences import PAGE, ROOT, licence_of, needed

FOUND = re.findall(r"^\| ([\w.-]+) \| (\S+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
ROWS = {name: (version, says) for name, version, says in FOUND}


def test_every_package_that_running_takes_stands_on_the_page_as_it_says() -> None:
    names = needed()
    assert len(names) > 60
    assert [name for name in names if name not in ROWS] == []
    assert {name: licence_of(name) for name in names} == {name: ROWS[name][1] for name in names}


def test_the_page_is_of_the_pinned_versions() -> None:
    pinned = re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    known = {str(canonicalize_name(name)): version for name, version in pinned}
    both = ROWS.keys() & known.keys()
    assert len(both) > 50
    assert {name: ROWS[name][0] for name in both} == {name: known[name] for name in both}


def test_the_engine_whose_licence_is_in_doubt_is_named_and_stands_behind_one_file() -> None:
    assert "GPL" in PAGE.read_text()
    package = ROOT / "apps" / "lesion_tracker" / "lesion_tracker"
    asks = re.compile(r"^\s*(from|import) picsl_greedy", re.MULTILINE)
    assert [path.name for path in package.rglob("*.py") if asks.search(path.read_text())] == ["greedy.py"]
