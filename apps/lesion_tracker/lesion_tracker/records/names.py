"""The names that readers give: one rule for the ids and labels of lesions, at every door."""

import unicodedata

from lesion_tracker.errors import InputError

LONGEST_NAME = 64


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
