"""Two studies are compared by what is known of both: who the patient is, and which study came first."""

from dataclasses import replace
from pathlib import Path

import pytest

from lesion_tracker.studies.one_patient import pair_facts
from lesion_tracker.studies.study import Study

BASELINE = Study(
    "base", Path("base"), "P1", "20200101", "080000", source="dicom", patient_source="dicom", study_uid="1.2.1"
)
FOLLOWUP = Study(
    "fu", Path("fu"), "P1", "20200401", "070000", source="dicom", patient_source="dicom", study_uid="1.2.2"
)


def test_a_pair_in_order_is_silent():
    facts = pair_facts(BASELINE, FOLLOWUP)
    assert (facts.refusals, facts.warnings) == ((), ())


@pytest.mark.parametrize(
    ("field", "one", "other", "text"),
    [
        ("patient_id", "P1", "P2", "the baseline is of patient 'P1', the follow-up of 'P2'"),
        (
            "issuer",
            "HOSPITAL A",
            "HOSPITAL B",
            "issuer of the PatientID is 'HOSPITAL A' in the baseline, 'HOSPITAL B' in",
        ),
        (
            "birth_date",
            "19500101",
            "19500110",
            "the birth date is '19500101' in the baseline, '19500110' in the follow-up",
        ),
        ("sex", "M", "F", "the sex is 'M' in the baseline, 'F' in the follow-up"),
    ],
)
def test_what_makes_two_people_refuses(field, one, other, text):
    facts = pair_facts(replace(BASELINE, **{field: one}), replace(FOLLOWUP, **{field: other}))
    assert len(facts.refusals) == 1
    assert text in facts.refusals[0]
    for left, right in ((one, ""), ("", other), ("", "")):  # what one side does not say contradicts nothing
        facts = pair_facts(replace(BASELINE, **{field: left}), replace(FOLLOWUP, **{field: right}))
        assert facts.refusals == ()


@pytest.mark.parametrize(("one", "other"), [("O", "F"), ("M", "O"), ("", "F")])
def test_a_sex_that_says_little_contradicts_nothing(one, other):
    assert pair_facts(replace(BASELINE, sex=one), replace(FOLLOWUP, sex=other)).refusals == ()


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("Doe^John", "Roe^Jane", True),
        ("Doe^Jane", "Doe^Jane^Maria", False),
        ("Müller^Jörg", "MULLER^JORG", False),
        ("Doe^Jane", "Jane Doe", False),
        ("Doe^Jane", "Roe^Jane", True),  # married: no refusal
        ("", "Roe^Jane", False),
    ],
)
def test_a_name_that_differs_is_only_said(one, other, said):
    facts = pair_facts(replace(BASELINE, patient_name=one), replace(FOLLOWUP, patient_name=other))
    assert facts.refusals == ()
    assert bool(facts.warnings) == said
    assert all(repr(one) in text and repr(other) in text for text in facts.warnings)


@pytest.mark.parametrize("patient_id", ["ANONYMOUS", "anon", "Anonymized", "UNKNOWN", "0000", "TEST01", "xxx"])
def test_an_id_of_nobody_is_said(patient_id):
    facts = pair_facts(replace(BASELINE, patient_id=patient_id), replace(FOLLOWUP, patient_id=patient_id))
    assert facts.refusals == ()
    assert facts.warnings == (f"both studies are of patient {patient_id!r}: nothing says that they are of one person",)


def test_a_blank_id_of_a_dicom_series_is_said():
    (warning,) = pair_facts(BASELINE, replace(FOLLOWUP, patient_id="")).warnings
    assert warning == "the PatientID of the follow-up is blank: nothing says that they are of one person"
    (warning,) = pair_facts(replace(BASELINE, patient_id=""), replace(FOLLOWUP, patient_id="")).warnings
    assert "of the baseline and of the follow-up is blank" in warning
    plain = replace(FOLLOWUP, patient_id="", source="unknown")  # a file that has no place for it
    assert pair_facts(BASELINE, plain).warnings == ()


def test_the_follow_up_must_not_be_the_earlier_one():
    (fact,) = pair_facts(FOLLOWUP, BASELINE).refusals
    assert fact == "backward in time: the follow-up's date 20200101 lies before the baseline's 20200401"
    same_day = replace(FOLLOWUP, study_date="20200101")
    (fact,) = pair_facts(BASELINE, same_day).refusals
    assert fact == "backward in time: the follow-up's time 070000 lies before the baseline's 080000"
    assert pair_facts(BASELINE, replace(same_day, study_uid="1.2.1")).refusals == ()  # two series of one study
    assert pair_facts(BASELINE, replace(FOLLOWUP, study_date="")).refusals == ()


@pytest.mark.parametrize(("source", "where"), [("name", "by its file name"), ("csv", "by studies.csv")])
def test_a_number_and_a_file_name_are_no_contradiction_but_said(source, where):
    """A pseudonym in a file's name is not the hospital's number of the same person."""
    facts = pair_facts(replace(BASELINE, patient_id="pseudonym", patient_source=source), FOLLOWUP)
    assert facts.refusals == ()
    assert facts.warnings == (
        f"the baseline is of patient 'pseudonym' ({where}), the follow-up of 'P1' (by its headers): are they one person?",
    )
    named = replace(FOLLOWUP, patient_source="name")
    assert pair_facts(replace(BASELINE, patient_id="P2", patient_source=source), named).refusals != ()
