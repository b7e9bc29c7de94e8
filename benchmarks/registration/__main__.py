"""Measure registration on constructed copies, slabs, wrong pairs and real pairs; write RESULTS.md."""

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.registration import draws, page
from benchmarks.registration.crops import FIELD_MM, cropped
from benchmarks.registration.draws import Draw
from benchmarks.registration.measure import Record, Results, doubted, measure
from benchmarks.registration.page import Row
from benchmarks.registration.real_pairs import mapped_pair, real_pair
from lesion_tracker.registration.preload import preload
from lesion_tracker.volumes.volume import Volume

HERE = Path(__file__).resolve().parent
MAPPED = " (against the map of the whole)"
"""Pairs whose silver points lie on one side only are measured on both against the map of the whole studies."""

REAL = {
    "lung4dct": ("lung4dct", 0),
    "acrin_silver": ("acrin_silver", 0),
    "pancreas001, day 13": ("pancreas001", 0),
    "pancreas001, day 22": ("pancreas001", 1),
}
SLABS_MM = (35.0, 60.0, 85.0)
CROPS = tuple(
    f"{name}, {kind}"
    for name in ("right half", "left half", f"{FIELD_MM:.0f} mm field")
    for kind in ("both", "large then small", "small then large")
)


class Bench:
    """One run.

    Args:
        data: folder with volumes/ and pairs/.
        count: draws per measurement.
        results: what is known already.
    """

    def __init__(self, data: Path, count: int, results: Results) -> None:
        self.data, self.count, self.results = data, count, results
        self._volumes: dict[str, Volume] = {}

    def volume(self, name: str) -> Volume:
        """Read a study once."""
        if name not in self._volumes:
            self._volumes[name] = draws.volume(self.data / "volumes", name)
        return self._volumes[name]

    def copies(self) -> list[Row]:
        """Copies with everything changed at once and 40 % of their extent in common."""

        def one(index: int) -> Record:
            name = draws.COPIED[index % len(draws.COPIED)]
            return measure(draws.copy_of(self.volume(name), name, np.random.default_rng([1, index])), deformable=True)

        found = [self.results.get(f"copy {i}", lambda i=i: one(i)) for i in range(self.count)]  # type: ignore[misc]
        rows = []
        for method, most in (("affine", 6.0), ("deformable", 2.5)):
            good = page.count_below(found, f"{method}_mm", most)
            rows.append(
                (
                    f"copies, {method}: mean error over 200 body points of the common coverage, mm",
                    f"≤ {most} in 19 of 20",
                    page.spread(found, f"{method}_mm"),
                    page.verdict(good, 19, self.count, 20),
                )
            )
            rows.append(
                (
                    f"copies, {method}: points beyond the coverage, mm",
                    "–",
                    page.spread(found, f"{method}_beyond_mm"),
                    "–",
                )
            )
            back = page.count_below(found, f"{method}_back_mm", 1.0)
            rows.append(
                (
                    f"copies, {method}: forward and back, largest, mm",
                    "≤ 1",
                    page.spread(found, f"{method}_back_mm"),
                    page.verdict(back, 20, self.count, 20),
                )
            )
        fast = page.median_verdict(found, "affine_s", 2.0)
        rows.append(("copies, affine: seconds after loading", "median ≤ 2", page.spread(found, "affine_s"), fast))
        rows.append(("copies, deformable: seconds in all", "–", page.spread(found, "deformable_s"), "–"))
        return rows

    def slabs(self) -> list[Row]:
        """Slabs against whole studies, in both directions."""
        rows = []
        for thickness in SLABS_MM:

            def one(index: int, thickness: float = thickness) -> Record:
                name = draws.WHOLE[index % len(draws.WHOLE)]
                rng = np.random.default_rng([int(thickness), index])
                draw = draws.slab_of(self.volume(name), name, thickness, rng)
                return measure(draw if index % 2 == 0 else draws.swapped(draw), deformable=False)

            found = [
                self.results.get(f"slab {thickness:.0f} mm {i}", lambda i=i: one(i))  # type: ignore[misc]
                for i in range(self.count)
            ]
            good = page.count_below(found, "affine_z_mm", 10.0)
            rows.append(
                (
                    f"slabs of {thickness:.0f} mm against whole studies, affine: mean error in z, mm",
                    "≤ 10 in 18 of 20",
                    page.spread(found, "affine_z_mm"),
                    page.verdict(good, 18, self.count, 20),
                )
            )
        return rows

    def wrong(self) -> list[Row]:
        """Chests against abdomens, chests of other patients, and mirrored chests."""
        pairs = [(c, a) for a in draws.ABDOMENS for c in draws.CHESTS]
        order = np.random.default_rng(5).permutation(len(pairs))[: self.count]
        mixed = [pairs[i] if i % 2 else pairs[i][::-1] for i in order]
        every = list(itertools.combinations(draws.OTHER_CHESTS, 2))
        others = [every[i] for i in np.random.default_rng(6).permutation(len(every))[: 2 * self.count]]
        mirrored = draws.MIRRORED[: self.count]
        kinds = {
            "chest against abdomen": [(f"{a} {b}", self.pair(a, b)) for a, b in mixed],
            "chests of other patients": [(f"{a} {b}", self.pair(a, b)) for a, b in others],
            "a chest and its mirror image": [(a, self.pair(a, a, mirror=True)) for a in mirrored],
            "a real pair, its later study mirrored": [(name, self.mirrored(*where)) for name, where in REAL.items()],
        }
        found = {
            what: [self.results.get(f"{what}: {name}", lambda p=pair: doubted(*p())) for name, pair in pairs]  # type: ignore[misc]
            for what, pairs in kinds.items()
        }
        rows = [page.wrong_row(what, records) for what, records in found.items()]
        return [*rows, page.wrong_row("all wrong pairs", [record for records in found.values() for record in records])]

    def refused(self) -> Row:
        """The pairs of one patient, whole, on smaller fields and copies, among all that was measured."""
        right = [record for record in self.results.known.values() if "points" in record]
        return page.refused_row(right)

    def pair(self, baseline: str, followup: str, mirror: bool = False) -> Callable[[], tuple[Volume, Volume]]:
        """Return what reads two studies, the second mirrored where asked."""
        return lambda: (
            self.volume(baseline),
            draws.mirrored(self.volume(followup)) if mirror else self.volume(followup),
        )

    def mirrored(self, name: str, number: int) -> Callable[[], tuple[Volume, Volume]]:
        """Return what reads a real pair with its follow-up mirrored."""

        def read() -> tuple[Volume, Volume]:
            draw = real_pair(self.data / "pairs", name, number)
            return draw.baseline, draws.mirrored(draw.followup)

        return read

    def real(self) -> list[Row]:
        """The real pairs with silver points."""
        rows = []
        for name, most in (("lung4dct", 0.8), ("acrin_silver", 2.0)):
            found = self.results.get(name, lambda n=name: measure(real_pair(self.data / "pairs", n), True))  # type: ignore[misc]
            for method, bar in (("affine", 5.0), ("deformable", most)):
                value = found.get(f"{method}_mm", np.inf)
                told = f"{value:.2f} (worst point {found.get(f'{method}_worst_mm', np.inf):.1f})"
                reached = "reached" if value <= bar else "MISSED"
                rows.append((f"{name}, {method}: mean error, mm", f"≤ {bar}", told, reached))
            seconds = found.get("deformable_s", np.inf)
            reached = "reached" if seconds <= 10 else "MISSED"
            rows.append((f"{name}, deformable: seconds in all", "≤ 10", f"{seconds:.1f}", reached))
        return rows

    def fields(self) -> list[Row]:
        """Real and constructed pairs with smaller fields of view, and cone-beam CTs."""
        rows = []
        for name, whole in self._wholes().items():
            points = name.removesuffix(MAPPED)
            known = self.results.get(points, lambda n=points: measure(self._wholes()[n](), True))  # type: ignore[misc]
            most = 1.3 * known["deformable_mm"] + 0.3
            crops: list[tuple[str, Draw]] | None = None
            for kind in CROPS:
                if f"{name} {kind}" not in self.results.known:
                    crops = crops or list(cropped(whole(), np.random.default_rng(0)))
                    for made, draw in crops:
                        self.results.get(f"{name} {made}", lambda d=draw: measure(d, True))  # type: ignore[misc]
                record = self.results.known.get(f"{name} {kind}")
                if record is not None:
                    rows.append(_field_row(f"{name}, {kind}", record, most))
        for number, day in enumerate((13, 22)):
            name = f"pancreas001, day {day}"
            found = self.results.get(
                name,
                lambda n=number: measure(real_pair(self.data / "pairs", "pancreas001", n), True),  # type: ignore[misc]
            )
            rows.append(_field_row(name, found, 10.0))
        return rows

    def _wholes(self) -> dict[str, Callable[[], Draw]]:
        """Return the pairs that fields of view are cut from."""
        pairs, trunk = self.data / "pairs", "trunk_amos_0336"

        def copy() -> Draw:
            return draws.whole_copy_of(self.volume(trunk), trunk, np.random.default_rng([1, 0]))

        return {
            "lung4dct": lambda: real_pair(pairs, "lung4dct"),
            f"lung4dct{MAPPED}": lambda: mapped_pair(pairs, "lung4dct"),
            "acrin_silver": lambda: real_pair(pairs, "acrin_silver"),
            f"copy of {trunk}": copy,
        }


def _field_row(name: str, record: Record, most: float) -> Row:
    """Return the row of a smaller field of view; a refused pair has all its points missed."""
    if record["refused"]:
        return f"{name}: deformable, mm", f"≤ {most:.2f}", f"refused: {record['refused']}", "MISSED"
    flagged = ", ".join(record["deformable_doubts"]) or "none"
    told = (
        f"{record['deformable_mm']:.2f} (worst {record['deformable_worst_mm']:.1f}; affine {record['affine_mm']:.1f}; "
        f"{record['points']} points; doubts: {flagged})"
    )
    return f"{name}: deformable, mm", f"≤ {most:.2f}", told, "reached" if record["deformable_mm"] <= most else "MISSED"


def main() -> None:
    """Run and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20, help="draws per measurement")
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data", help="volumes/ and pairs/")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    parser.add_argument(
        "--keep", type=Path, default=HERE / "results.json", help="measurements so far; delete it to start anew"
    )
    options = parser.parse_args()
    if not (options.data / "volumes").is_dir():
        parser.error(f"no studies in {options.data}: name the folder that holds volumes/ and pairs/ with --data")
    preload()
    bench = Bench(options.data, options.draws, Results(options.keep))
    rows = [*bench.real(), *bench.fields(), *bench.copies(), *bench.slabs(), bench.refused(), *bench.wrong()]
    text = (HERE / "results_head.md").read_text().format(draws=options.draws, machine=page.machine())
    options.out.write_text(f"{text}\n{page.markdown(rows)}\n")
    print(page.markdown(rows))


if __name__ == "__main__":
    main()
