"""Coverage that ends near a lesion, and a table under the patient: drawn where asked for, and never over the lesion."""

from dataclasses import replace

import numpy as np

from lesion_tracker.training.examples.constructed import draw_constructed_pair
from tests.training.made import NO_ERRORS, SCENARIO, made_study


def test_coverage_and_table_are_drawn_as_often_as_asked_and_leave_the_lesion_in_the_scan() -> None:
    settings = replace(SCENARIO, coverage=0.5, table=0.5)
    cuts = tables = 0
    for number in range(40):
        pair = draw_constructed_pair([made_study()], NO_ERRORS, settings, np.random.default_rng(number))
        look = pair.followup.look
        tables += look.table is not None
        if look.cut_mm is None:
            continue
        cuts += 1
        z, side = look.cut_mm
        for lesion in pair.lesions:
            if lesion.followup_mm is not None:
                assert (z - lesion.followup_mm[2]) * side > 6.0
    assert 10 <= cuts <= 30
    assert 10 <= tables <= 30


def test_without_either_nothing_is_drawn_for_them() -> None:
    for number in range(10):
        look = draw_constructed_pair([made_study()], NO_ERRORS, SCENARIO, np.random.default_rng(number)).followup.look
        assert look.cut_mm is None
        assert look.table is None
