"""Measure registration on constructed copies, slabs, wrong pairs and real pairs; write RESULTS.md."""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.registration import draws, page
from benchmarks.registration.measure import Record, Results, measure, refused
from benchmarks.registration.real_pairs import real_pair
from lesion_tracker.registration.preload import preload
from lesion_tracker.volumes.volume import Volume

Row = tuple[str, str, str, str]
HERE = Path(__file__).resolve().parent
SLABS_MM = (35.0, 60.0, 85.0)


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
        """Chests against abdomens."""
        pairs = [(c, a) for a in draws.ABDOMENS for c in draws.CHESTS]
        order = np.random.default_rng(5).permutation(len(pairs))[: self.count]
        found = []
        for index in order:
            chest, abdomen = pairs[index]
            first, second = (chest, abdomen) if index % 2 else (abdomen, chest)
            name = f"wrong {first} {second}"
            found.append(self.results.get(name, lambda f=first, s=second: refused(self.volume(f), self.volume(s))))  # type: ignore[misc]
        count = sum(1 for record in found if record["refused"])
        total = len(found)
        return [
            ("chest against abdomen: refused", "20 of 20", f"{count} of {total}", page.verdict(count, 20, total, 20))
        ]

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
    rows = [*bench.real(), *bench.copies(), *bench.slabs(), *bench.wrong()]
    text = (HERE / "results_head.md").read_text().format(draws=options.draws, machine=page.machine())
    options.out.write_text(f"{text}\n{page.markdown(rows)}\n")
    print(page.markdown(rows))


if __name__ == "__main__":
    main()
