"""Axes that a reader draws: the longer one is the long one, square or not, and a far end leaves no outline."""

import math

import pytest

from lesion_tracker.readers.drawn_axes import BY_A_READER, with_axes
from lesion_tracker.records.json_record import Ends
from lesion_tracker.records.measurement import Measurement

RING = ((10.0, 0.0, 5.0), (0.0, 7.0, 5.0), (-10.0, 0.0, 5.0), (10.0, 0.0, 5.0))
LONG: Ends = ((-10.0, 0.0, 5.0), (10.0, 0.0, 5.0))
SHORT: Ends = ((0.0, -7.0, 5.0), (0.0, 7.0, 5.0))
FOUND = Measurement(
    (0.0, 0.0, 5.0), 20.0, 14.0, LONG, SHORT, 5.0, 2.0, 40.0, (RING,), "its border is faint", "way", "1"
)


@pytest.mark.parametrize(
    ("first", "second", "lengths", "keeps"),
    [
        (LONG, SHORT, (20, 14), True),
        (LONG[::-1], SHORT, (20, 14), True),  # drawn the other way round
        (((-11.9, 0.0, 5.0), (10.0, 0.0, 5.0)), SHORT, (21.9, 14), True),  # 1.9 mm of 20
        (((-12.1, 0.0, 5.0), (10.0, 0.0, 5.0)), SHORT, (22.1, 14), False),
        (LONG, ((3.0, -7.0, 5.0), (0.0, 7.0, 5.0)), (20, math.hypot(3, 14)), False),
        (LONG, ((0.0, -12.0, 5.0), (0.0, 12.0, 5.0)), (24, 20), False),  # the short one became the long one
        (((-10.0, 0.0, 7.5), (10.0, 0.0, 7.5)), ((0.0, -7.0, 7.5), (0.0, 7.0, 7.5)), (20, 14), False),
    ],
)
def test_the_outline_stays_with_axes_that_are_nearly_its_own(
    first: Ends, second: Ends, lengths: tuple[float, float], keeps: bool
) -> None:
    drawn = with_axes(FOUND, first, second)
    assert (drawn.long_axis_mm, drawn.short_axis_mm) == pytest.approx(lengths, abs=1e-3)
    assert math.dist(*drawn.long_ends_mm) == pytest.approx(drawn.long_axis_mm, abs=1e-3)
    assert drawn.key_slice == first[0][2]
    assert drawn.check == ""
    if keeps:
        assert (drawn.outline, drawn.volume_ml, drawn.method) == ((RING,), 2.0, f"way; {BY_A_READER}")
    else:
        assert (drawn.outline, drawn.volume_ml, drawn.mean_hu, drawn.method) == ((), None, None, BY_A_READER)
