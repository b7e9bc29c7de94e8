"""What the demo calls a success."""

from dataclasses import replace

import pytest

from lesion_tracker.commands.demo import verdict
from lesion_tracker.records.track import Track

FOUND = Track(
    "lesion_1",
    "a",
    "b",
    (1.0, 2.0, 3.0),
    5.0,
    0.9,
    "found",
    (0.0, 0.0, 0.0),
    "auto",
    model={"name": "dlt-1", "sha256": "0"},
)


@pytest.mark.parametrize(
    ("track", "truth", "code", "sentence"),
    [
        (FOUND, (1.0, 2.0, 6.0), 0, ""),
        (FOUND, (1.0, 2.0, 9.0), 1, "lesion_1 was found outside of its radius of 5.0 mm"),
        (replace(FOUND, model=None), (1.0, 2.0, 3.0), 1, "the network did not answer"),
    ],
)
def test_a_demo_without_the_network_or_far_off_fails_and_says_so(track, truth, code, sentence, capsys):
    assert verdict([track], {"lesion_1": truth}) == code
    assert sentence in capsys.readouterr().err
