"""The names that the stock clients offer for lesions, and the voxel value of each."""

MOST_LABELS = 20

LABELS = tuple(f"lesion_{number}" for number in range(1, MOST_LABELS + 1))
"""lesion_1 to lesion_20: the labels of every model, in this order."""

LABEL_VALUES = {label: number for number, label in enumerate(LABELS, start=1)}
"""Voxel value of each label: its number."""


def label_values(lesion_ids: list[str]) -> dict[str, int]:
    """Return the voxel values of the lesions that have a label of the stock clients, by lesion id."""
    return {name: LABEL_VALUES[name] for name in lesion_ids if name in LABEL_VALUES}
