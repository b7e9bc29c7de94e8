"""The table of quantities: the numbers that a track reports beside its place, as columns of tables and in sentences."""

import math
from dataclasses import dataclass

from lesion_tracker.records.track import Track

SUREST = 0.99
"""No sentence says 100 % of what is estimated."""


@dataclass(frozen=True)
class Quantity:
    """One number of a track.

    Args:
        name: the field or property of Track that holds it, with its unit; also the name of its column.
        sentence: what readers see, with the number in braces.
        most: a sentence says no more; tables do.
    """

    name: str
    sentence: str
    most: float = math.inf

    def of(self, track: Track) -> float | None:
        """Return the number, or None where the track has none."""
        value = getattr(track, self.name)
        return None if value is None else float(value)

    def cell(self, track: Track) -> float | str:
        """Return the number as a table has it, to a thousandth; "" where the track has none."""
        value = self.of(track)
        return "" if value is None else round(value, 3)


QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        Quantity("moved_mm", "{:.1f} mm from where registration expects it"),
        Quantity("expected_radius_mm", "expected radius {:.1f} mm"),
        Quantity("long_axis_mm", "long axis {:.1f} mm"),
        Quantity("short_axis_mm", "short axis {:.1f} mm"),
        Quantity("long_axis_change_mm", "long axis {:+.1f} mm since the earlier study"),
        Quantity("volume_ml", "volume {:.2f} ml"),
        Quantity("mean_hu", "mean {:.0f} HU"),
        Quantity("presence", "is there: {:.0%}", SUREST),
        Quantity("placement", "if it is, here: {:.0%}", SUREST),
        Quantity("radius_90_mm", "within {:.1f} mm of here: 90%"),
    )
}
"""In the order in which readers see them."""


def quantities_in_words(track: Track, *told: str) -> str:
    """Return what a track reports as one sentence without its full stop.

    Args:
        track: whose numbers.
        told: names of those that the reader is told otherwise.
    """
    values = {one: one.of(track) for name, one in QUANTITIES.items() if name not in told}
    return "; ".join(one.sentence.format(min(value, one.most)) for one, value in values.items() if value is not None)
