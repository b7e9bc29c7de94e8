"""A number with its noun, as people write it: 1 study, 2 studies."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return the number with the noun's form that goes with it.

    Args:
        number: how many.
        one: the noun of a single one.
        many: of all other numbers; "": with an s.
    """
    return f"{number} {one if number == 1 else many or one + 's'}"
