"""The rows of right and wrong pairs: found is what was answered without a doubt, refused is no answer."""

from benchmarks.registration.page import refused_row, wrong_row

SILENT = {"refused": "", "doubts": []}
DOUBTED = {"refused": "", "doubts": ["agreement"]}
REFUSED = {"refused": "nothing in common", "doubts": []}


def test_a_wrong_pair_is_found_where_it_is_answered_without_a_doubt():
    assert wrong_row("wrong", [DOUBTED, REFUSED]) == ("wrong", "found 0", "found 0 of 2 (1 refused)", "reached")
    assert wrong_row("wrong", [DOUBTED, SILENT])[2:] == ("found 1 of 2 (0 refused)", "MISSED")


def test_a_right_pair_is_to_be_answered():
    assert refused_row([DOUBTED, SILENT])[1:] == ("refused 0", "refused 0 of 2", "reached")
    assert refused_row([SILENT, REFUSED])[2:] == ("refused 1 of 2", "MISSED")
