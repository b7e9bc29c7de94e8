"""The names that readers give, and a lesion's UID: one rule for each, at every door."""

import re
import unicodedata

from lesion_tracker.errors import InputError

LONGEST_NAME = LONGEST_UID = 64
UID = re.compile(r"[0-9]+(\.[0-9]+)*")


def clean_name(text: object, what: str = "a lesion's name") -> str:
    """Return a name as it is kept: composed letters (NFC), and single spaces between its words.

    Two names that look the same are the same then. What older versions kept is read as it stands.

    Args:
        text: as it was sent.
        what: it names, for the message.

    Raises:
        InputError: for what is no text, empty, too long, or holds letters that cannot be seen (control characters, marks of
            direction, halves of a letter).
    """
    name = " ".join(unicodedata.normalize("NFC", text).split()) if isinstance(text, str) else ""
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        shown = str(text)[:200].encode("utf-8", "backslashreplace").decode()
        raise InputError(f"{what} must have 1 to {LONGEST_NAME} visible characters, got {shown!r}")
    return name


def clean_uid(text: str) -> str:
    """Return a lesion's tracking_uid; "" where it has none yet.

    Raises:
        InputError: for what no DICOM object could hold as a UID.
    """
    if text and (len(text) > LONGEST_UID or not UID.fullmatch(text)):
        shown = text[:200].encode("utf-8", "backslashreplace").decode()
        raise InputError(f"a tracking_uid is a DICOM UID, at most {LONGEST_UID} digits and dots, got {shown!r}")
    return text
