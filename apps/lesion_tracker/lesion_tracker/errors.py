"""The errors that a caller may meet; each message gives the fact, the value and the likely cause.

LesionTrackerError
├── InputError                what the user gave is wrong: HTTP 4xx, exit code 2
│   ├── StudyError            a file, folder or series that is no usable CT volume
│   ├── StudyOrderError       which study is earlier cannot be decided
│   ├── PointOutsideError     a point lies outside its study
│   └── FileFormatError       a JSON, CSV or TOML file that does not say what it should
├── PacsError                 a PACS that is down, slow, wants a login or sends nonsense: HTTP 502
├── RegistrationFailed        two volumes could not be aligned plausibly
└── WeightsError              no published weights, or a file that is torn or does not fit its card
"""


class LesionTrackerError(Exception):
    """The root of all errors that this package raises on purpose."""


class InputError(LesionTrackerError):
    """What the user gave is wrong; the message says what, with the value and the likely cause."""


class StudyError(InputError):
    """A file, folder or series is not a usable CT volume."""


class StudyOrderError(InputError):
    """Which of a patient's studies is the earlier one cannot be decided."""


class PointOutsideError(InputError):
    """A point lies outside the study that it was given for."""


class FileFormatError(InputError):
    """A JSON, CSV or TOML file does not have the content that its format asks for."""


class PacsError(LesionTrackerError):
    """The PACS did not give what was asked for: it is down, slow, wants a login, or its answer makes no sense."""


class RegistrationFailed(LesionTrackerError):  # noqa: N818 - the name that the design and the answers use
    """Two volumes could not be aligned plausibly; the message gives the quality numbers."""


class WeightsError(LesionTrackerError):
    """There are no published weights, or they are torn, or they do not fit their card."""
