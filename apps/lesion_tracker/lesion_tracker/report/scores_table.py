"""Scores as lines for a reader: the benchmark's own, and under a line of their own those of looser rules."""

from collections.abc import Sequence

from lesion_tracker.scoring.cpm import Scores
from lesion_tracker.scoring.looser import LOOSER_NAMES


def scores_table(scores: Scores) -> str:
    """Return the scores for a reader."""
    axes = ", ".join(
        f"{mean:.2f} ± {deviation:.2f}"
        for mean, deviation in (
            (scores.med_x_mm, scores.med_x_sd_mm),
            (scores.med_y_mm, scores.med_y_sd_mm),
            (scores.med_z_mm, scores.med_z_sd_mm),
        )
    )
    return "\n".join(
        [
            f"lesions       {scores.n}",
            f"CPM@10mm      {100 * scores.cpm_at_10mm:.2f} %   (error <= 10 mm and <= radius)",
            f"CPM@Radius    {100 * scores.cpm_at_radius:.2f} %   (error < radius)",
            f"MED           {scores.med_mm:.2f} ± {scores.med_sd_mm:.2f} mm, median {scores.median_mm:.2f} mm",
            f"MED x, y, z   {axes} mm",
            "other rules, not the benchmark's score:",
            f"within 10 mm  {100 * scores.within_10mm:.2f} %   ({LOOSER_NAMES['uae_within_10mm']})",
        ]
    )


def in_box_line(inside: Sequence[bool | None]) -> str:
    """Return the line of the answers in the target's box, to stand under `scores_table`.

    Args:
        inside: of each answer; None where no box is known: it is not counted.
    """
    known = [hit for hit in inside if hit is not None]
    share = f"{100 * sum(known) / len(known):.2f} %" if known else "–"
    counted = "" if len(known) == len(inside) else f"; {len(inside) - len(known)} of {len(inside)} have no box"
    return f"in the box    {share}   ({LOOSER_NAMES['uae_in_box']}{counted})"
