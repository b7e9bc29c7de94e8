"""The folders are the way of the data: imports only go forward along it, and few parts know the outside world."""

import ast
from pathlib import Path

LIB = Path(__file__).parents[1] / "apps" / "lesion_tracker" / "lib"
ORDER = (
    *("arrays", "errors", "settings", "studies", "registration", "anatomy", "network", "decoding", "metrics"),
    *("tracking", "correction", "training", "evaluation", "report", "commands", "tasks"),
)

KNOWN_EXCEPTIONS = {("settings", "tracking")}
"""settings names the tracking methods, which are one type of the records."""

OUTSIDE = {"monailabel": {"tasks"}, "fastapi": {"tasks"}, "itk": {"registration"}, "picsl_greedy": {"registration"}}
"""Which folders may import what."""


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


def _part(path: Path) -> str:
    return path.relative_to(LIB).parts[0].removesuffix(".py")


FILES = sorted(path for path in LIB.rglob("*.py") if path != LIB / "__init__.py")


def test_imports_go_forward() -> None:
    backward = []
    for path in FILES:
        part = _part(path)
        assert part in ORDER, f"{part} is not a part of the way of the data"
        for name in sorted(_imports(path)):
            other = name.split(".")[1] if name.startswith("lib.") else part
            if ORDER.index(other) > ORDER.index(part) and (part, other) not in KNOWN_EXCEPTIONS:
                backward.append(f"{path.relative_to(LIB)} imports {name}")
    assert not backward


def test_only_the_borders_know_the_outside() -> None:
    foreign = []
    for path in FILES:
        for name in sorted(_imports(path)):
            allowed = OUTSIDE.get(name.split(".")[0])
            if allowed is not None and _part(path) not in allowed:
                foreign.append(f"{path.relative_to(LIB)} imports {name}")
    assert not foreign


def test_packages_import_nothing_by_themselves() -> None:
    for path in LIB.rglob("__init__.py"):
        assert not _imports(path), f"{path.relative_to(LIB)} must hold only its docstring"
