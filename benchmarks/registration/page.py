"""RESULTS.md: the table of results, and whether each bar is reached."""

import os
import platform
from importlib.metadata import version

import numpy as np

from benchmarks.registration.measure import Record

PACKAGES = ("itk-elastix", "picsl_greedy", "itk-core", "numpy", "scipy")


def spread(records: list[Record], key: str) -> str:
    """Return "median (lowest to highest)" of a number; those refused have none."""
    values = [record[key] for record in records if key in record]
    if not values:
        return "none"
    return f"{np.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def count_below(records: list[Record], key: str, most: float) -> int:
    """Return how many have the number and keep it at or below a bound."""
    return sum(1 for record in records if record.get(key, np.inf) <= most)


def verdict(count: int, least: int, total: int, of: int) -> str:
    """Say whether `least` of `of` is reached by `count` of `total`, in proportion."""
    return f"{count} of {total}: {'reached' if count * of >= least * total else 'MISSED'}"


def median_verdict(records: list[Record], key: str, most: float) -> str:
    """Say whether the median keeps a bound."""
    values = [record[key] for record in records if key in record]
    return "reached" if values and float(np.median(values)) <= most else "MISSED"


Row = tuple[str, str, str, str]


def wrong_row(what: str, records: list[Record]) -> Row:
    """Return the row of wrong pairs: how many are found, which is to be answered without a doubt."""
    silent = sum(1 for record in records if not record["refused"] and not record["doubts"])
    refused = sum(1 for record in records if record["refused"])
    alike = max((record["quality"]["local_ncc"] for record in records if record["quality"]), default=0.0)
    mirrored = sum(1 for record in records if "mirrored" in record["doubts"])
    told = (
        f"found {silent} of {len(records)} ({refused} refused; local correlation at most {alike:.2f}; "
        f"more alike when mirrored {mirrored})"
    )
    return what, "found 0", told, "reached" if silent == 0 else "MISSED"


def refused_row(records: list[Record]) -> Row:
    """Return the row of right pairs: how many are refused."""
    count = sum(1 for record in records if record["refused"])
    doubtful = sum(1 for record in records if record.get("affine_doubts"))
    told = f"refused {count} of {len(records)}; answered with a doubt {doubtful}"
    return (
        "right pairs: real ones, smaller fields, copies, slabs",
        "refused 0",
        told,
        "reached" if count == 0 else "MISSED",
    )


def machine() -> str:
    """Name processors and versions."""
    model = next(
        (line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine()
    )
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{len(os.sched_getaffinity(0))} processors ({model}), Python {platform.python_version()}, {packages}"


def _cpuinfo() -> list[str]:
    try:
        with open("/proc/cpuinfo") as lines:
            return lines.readlines()
    except OSError:
        return []


def markdown(rows: list[tuple[str, str, str, str]]) -> str:
    """Return a table of what was measured, the bar, the numbers and the verdict."""
    lines = ["| what | to reach | measured | verdict |", "|---|---|---|---|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])
