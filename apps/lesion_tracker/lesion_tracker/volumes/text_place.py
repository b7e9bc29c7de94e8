"""What NRRD and MetaImage headers say, or leave open, of lengths and of how the patient lies; ITK takes it without a word."""

import re

from lesion_tracker.volumes.text_header import TextHeader

UNITS = {
    "mm": 1.0,
    "millimeter": 1.0,
    "millimetre": 1.0,
    "cm": 10.0,
    "centimeter": 10.0,
    "centimetre": 10.0,
    "m": 1000.0,
    "meter": 1000.0,
    "metre": 1000.0,
    "um": 0.001,
    "µm": 0.001,
    "micron": 0.001,
    "micrometer": 0.001,
    "micrometre": 0.001,
}
"""The units of length that are known, each with its mm."""

SPACES = ("right-anterior-superior", "ras", "left-anterior-superior", "las", "left-posterior-superior", "lps")
"""NRRD's names of the spaces that say how the patient lies."""


def unit_of(header: TextHeader) -> tuple[str, float, tuple[str, ...]]:
    """Return the unit of a file's lengths, the mm of one, and what is odd about it.

    MetaImage has no field for it: mm.
    """
    text = header.get("space units", "units") if header.nrrd else ""
    named = sorted({word.strip() for word in re.findall(r'"([^"]*)"', text)} - {""})
    if not named:
        return "mm", 1.0, ()
    known = {UNITS.get(_singular(word)) for word in named}
    if len(known) > 1 or None in known:
        return "mm", 1.0, (f"its header says that its lengths are {' and '.join(named)}; they were taken for mm",)
    (mm,) = known
    assert mm is not None
    notes = (f"its header says that its lengths are {named[0]}; they were taken times {mm:g}",) if mm != 1.0 else ()
    return named[0], mm, notes


def place_warnings(header: TextHeader) -> tuple[str, ...]:
    """Say what the header leaves open of how its voxels lie in the patient."""
    return _nrrd_warnings(header) if header.nrrd else _meta_warnings(header)


def _singular(word: str) -> str:
    lower = word.lower()
    return lower[:-1] if lower.endswith("s") and len(lower) > 2 else lower


def _nrrd_warnings(header: TextHeader) -> tuple[str, ...]:
    space = header.get("space")
    if header.get("space directions") and space.lower() in SPACES:
        return ()
    directed = bool(header.get("space directions"))
    spaced = directed or bool(re.search(r"\d", header.get("spacings")))
    what = f"its space is {space!r}" if space else "no space" if directed else "no space directions"
    lengths = "" if spaced else ", nor how far apart its voxels are: 1 mm was taken"
    return (f"the NRRD file does not say how it lies in the patient ({what}): left and right may be swapped{lengths}",)


def _meta_warnings(header: TextHeader) -> tuple[str, ...]:
    placed = header.get("transformmatrix", "rotation", "orientation")
    spaced = header.get("elementspacing", "elementsize")
    if placed and spaced:
        return ()
    lengths = "" if spaced else "its header does not say how far apart its voxels are: 1 mm was taken"
    lies = "" if placed else "the MetaImage file does not say how it lies in the patient: left and right may be swapped"
    return tuple(text for text in (lies, lengths) if text)
