"""The table of what can be asked of tracking: the command line and the viewers follow it."""

import argparse

import pytest

from lesion_tracker.commands.options import add_tracking_arguments, track_options_of
from lesion_tracker.records.method import METHODS
from lesion_tracker.registration.methods import METHODS as REGISTRATIONS
from lesion_tracker.registration.methods import all_parameters
from lesion_tracker.tracking.options import TRACK_OPTIONS, TrackOptions


def test_every_field_is_an_option_with_a_default_and_a_word_of_help() -> None:
    assert [option.name for option in TRACK_OPTIONS] == list(TrackOptions.__dataclass_fields__)
    assert TrackOptions(**{option.name: option.default for option in TRACK_OPTIONS}) == TrackOptions()
    assert all(option.help for option in TRACK_OPTIONS)


def test_the_command_line_offers_them(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_tracking_arguments(parser)
    assert track_options_of(parser.parse_args([])) == TrackOptions()
    assert track_options_of(parser.parse_args(["--method", "bspline"])) == TrackOptions(method="bspline")
    with pytest.raises(SystemExit):
        parser.parse_args(["--method", "magic"])
    assert "invalid choice: 'magic'" in capsys.readouterr().err
    helped = " ".join(parser.format_help().split())
    assert [method.name for method in METHODS.values() if method.sentence not in helped] == []


def test_a_value_that_cannot_be_is_refused() -> None:
    (method,) = (option for option in TRACK_OPTIONS if option.name == "method")
    assert method.value("affine") == "affine"
    with pytest.raises(ValueError, match=r"must be one of auto, dlt, .*, got 'magic'"):
        method.value("magic")


def test_every_method_starts_from_a_registration_that_is_there() -> None:
    named = {method.registration for method in METHODS.values()} | {m.refined for m in METHODS.values()}
    assert named - {""} <= set(REGISTRATIONS)
    assert {one.start for one in REGISTRATIONS.values()} - {""} <= set(REGISTRATIONS)


def test_a_registration_s_parameters_hold_those_of_what_it_starts_from() -> None:
    deformable = all_parameters("deformable")
    assert deformable["iterations"] == REGISTRATIONS["deformable"].parameters["iterations"]  # its own go before
    assert deformable.keys() == set(REGISTRATIONS["affine"].parameters) | set(REGISTRATIONS["deformable"].parameters)
