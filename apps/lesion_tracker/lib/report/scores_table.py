"""Scores as lines for a reader."""

from lib.metrics.cpm import Scores


def scores_table(scores: Scores) -> str:
    """Return the scores for a reader."""
    return "\n".join(
        [
            f"lesions       {scores.n}",
            f"CPM@10mm      {100 * scores.cpm_at_10mm:.2f} %   (error <= 10 mm and <= radius)",
            f"CPM@Radius    {100 * scores.cpm_at_radius:.2f} %   (error < radius)",
            f"within 10 mm  {100 * scores.within_10mm:.2f} %",
            f"MED           {scores.med_mm:.2f} ± {scores.med_sd_mm:.2f} mm, median {scores.median_mm:.2f} mm",
            f"MED x, y, z   {scores.med_x_mm:.2f}, {scores.med_y_mm:.2f}, {scores.med_z_mm:.2f} mm",
        ]
    )
