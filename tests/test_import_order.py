"""The folders are the way of the data: imports only go forward along it, and few parts know the outside world."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "apps" / "lesion_tracker" / "lesion_tracker"
FLOORS = (
    *("errors", "arrays", "places", "records", "settings", "files", "volumes", "studies", "pacs", "registration"),
    *("network", "measurement", "tracking", "readers", "response", "scoring", "paper", "training", "report", "server"),
    "commands",
)
"""From the ground up: a folder may import what stands before it."""

ROOMS = {
    "training": ("prepared", "examples", "run", "learning"),
    "server": (
        *("kept_app", "start", "local_server", "start_refusals"),  # a server from outside: its folder, its process
        *("errors", "addresses", "who", "params", "request_keys", "request_pool", "background", "volume_cache"),
        *("published_tracker", "engine"),
        *("bound", "followups", "access", "studies", "review", "results", "viewers", "learning", "serving", "app"),
    ),
}
"""The same within a folder."""

OUTSIDE = {
    "monailabel": {"server"},
    "fastapi": {"server"},
    "itk": {"registration"},
    "picsl_greedy": {"registration"},
    "highdicom": {"report"},
}
"""Which folders may import what."""


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            inner = [f"{node.module}.{alias.name}" for alias in node.names] if "." in node.module else []
            found |= {node.module, *inner}
    return found


def _part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def test_imports_go_forward() -> None:
    backward = []
    for path in FILES:
        part = _part(path)
        assert part in FLOORS, f"{part} is not a part of the way of the data"
        for name in sorted(_imports(path)):
            other = name.split(".")[1] if name.startswith("lesion_tracker.") else part
            if FLOORS.index(other) > FLOORS.index(part):
                backward.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert not backward


@pytest.mark.parametrize("floor", ROOMS)
def test_imports_go_forward_from_room_to_room(floor: str) -> None:
    rooms = ROOMS[floor]
    backward = []
    for path in (PACKAGE / floor).rglob("*.py"):
        room = path.relative_to(PACKAGE / floor).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        assert room in rooms, f"{floor}/{room} is not named in ROOMS"
        for name in sorted(_imports(path)):
            parts = name.split(".")
            other = parts[2] if parts[:2] == ["lesion_tracker", floor] and len(parts) > 2 else room
            if rooms.index(other) > rooms.index(room):
                backward.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert not backward


def test_only_the_borders_know_the_outside() -> None:
    foreign = []
    for path in FILES:
        for name in sorted(_imports(path)):
            allowed = OUTSIDE.get(name.split(".")[0])
            if allowed is not None and _part(path) not in allowed:
                foreign.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert not foreign


def test_packages_import_nothing_by_themselves() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        assert not _imports(path), f"{path.relative_to(PACKAGE)} must hold only its docstring"
