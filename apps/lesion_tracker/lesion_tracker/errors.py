"""The errors that a caller may meet; each message gives the fact, the value and the likely cause.

LesionTrackerError
├── InputError                what the user gave is wrong (exit code 2 of the command line)
│   ├── StudyError            a file, folder or series that is no usable CT volume
│   ├── StudyOrderError       which study is earlier cannot be decided
│   ├── PointOutsideError     a point lies outside its study
│   ├── FileFormatError       a JSON, CSV or TOML file that does not say what it should
│   ├── NotFound              what a request names is not there
│   ├── Changed               what a request names is not what it was, or is something else
│   └── NotReady              what a request asks for needs something that is not there yet
├── Busy                      it must wait for what is under way, or for some minutes
│   ├── Overloaded            as many requests as the server takes on are being computed
│   ├── Overdue               the answer takes longer than anybody waits
│   └── Abandoned             nobody waits for the answer any more
├── Lacking                   the machine has not what a request needs; nothing of it was stored
│   ├── NoRoom                no room on the disk, or no leave to write there
│   └── NoMemory              of the machine or of its GPU
├── PacsError                 a PACS that is down, slow, wants a login or sends nonsense
├── RegistrationFailed        a volume without a body, or two that have nothing in common
└── WeightsError              no published weights, or a file that is torn or does not fit its card

Which HTTP status each one has is said in one place, `lesion_tracker.server.errors`.
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


class NotFound(InputError):  # noqa: N818 - the fact, as the message says it
    """There is no study, patient, lesion, model or file of the name that a request gives."""


class Changed(InputError):  # noqa: N818 - as NotFound
    """What a request names has changed since its sender saw it, or its name belongs to something else already."""


class NotReady(InputError):  # noqa: N818 - as NotFound
    """What a request asks for needs something that is not there yet; nothing was started."""


class Busy(LesionTrackerError):  # noqa: N818 - as NotFound
    """A request must wait for what is under way, or for some minutes; the message says for what."""


class Overloaded(Busy):
    """As many requests as the server takes on are being computed or wait."""


class Overdue(Busy):
    """The answer to a request takes longer than anybody waits; it is still being computed."""


class Abandoned(Busy):
    """Who sent a request has gone; what was computed for it ends, and nothing of it is stored."""


class Lacking(LesionTrackerError):  # noqa: N818 - as NotFound
    """The machine has not what a request needs; nothing of the request was stored."""


class NoRoom(Lacking):
    """The disk is full, or nothing may be written there."""


class NoMemory(Lacking):
    """The machine, or its GPU, has not enough free memory."""


class PacsError(LesionTrackerError):
    """The PACS did not give what was asked for: it is down, slow, wants a login, or its answer makes no sense."""


class RegistrationFailed(LesionTrackerError):  # noqa: N818 - the name that the design and the answers use
    """A volume holds no body, or two volumes have nothing of a body in common."""


class WeightsError(LesionTrackerError):
    """There are no published weights, or they are torn, or they do not fit their card."""
