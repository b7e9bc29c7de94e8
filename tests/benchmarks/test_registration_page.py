"""The rows of right and wrong pairs: found is what was answered without a doubt, refused is no answer."""

from benchmarks.registration.page import refused_row, wrong_row

SILENT = {"refused": "", "doubts": [], "quality": {"local_ncc": 0.61}}
DOUBTED = {"refused": "", "doubts": ["mirrored"], "affine_doubts": ["mirrored"], "quality": {"local_ncc": 0.52}}
REFUSED = {"refused": "nothing in common", "doubts": [], "quality": {}}


def test_a_wrong_pair_is_found_where_it_is_answered_without_a_doubt():
    told = "found 0 of 2 (1 refused; local correlation at most 0.52; more alike when mirrored 1)"
    assert wrong_row("wrong", [DOUBTED, REFUSED]) == ("wrong", "found 0", told, "reached")
    told = "found 1 of 2 (0 refused; local correlation at most 0.61; more alike when mirrored 1)"
    assert wrong_row("wrong", [DOUBTED, SILENT])[2:] == (told, "MISSED")


def test_a_right_pair_is_to_be_answered():
    assert refused_row([DOUBTED, SILENT])[1:] == ("refused 0", "refused 0 of 2; answered with a doubt 1", "reached")
    assert refused_row([SILENT, REFUSED])[2:] == ("refused 1 of 2; answered with a doubt 0", "MISSED")
