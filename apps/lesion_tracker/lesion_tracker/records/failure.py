"""The record of an attempt that failed: why a lesion could not be tracked into a study."""

from dataclasses import dataclass

from lesion_tracker.records.json_record import JsonRecord, read_record


@dataclass(frozen=True)
class Failure(JsonRecord):
    """Why a lesion could not be tracked.

    Args:
        lesion_id: the lesion.
        reason: one sentence for the reader.
        failed_at: ISO 8601.
    """

    lesion_id: str
    reason: str
    failed_at: str

    @classmethod
    def from_json(cls, data: object) -> "Failure":
        """Read a record.

        Raises:
            FileFormatError: for a missing or unknown key, or a value that is nonsense.
        """
        return read_record(cls, "failure", data, "failure of {lesion_id!r}")
