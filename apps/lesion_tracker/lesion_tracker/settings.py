"""What the operator of a server can set: parsed once, from `--conf NAME VALUE` and LESION_TRACKER_NAME."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lesion_tracker.errors import InputError
from lesion_tracker.records.method import DEFAULT_METHOD, MethodName

ENVIRONMENT_PREFIX = "LESION_TRACKER_"


class Settings(BaseModel):
    """What the operator of a server can set; frozen, and an unknown name is refused.

    Args:
        method: how lesions are tracked when a request names no method.
        device: "auto" takes CUDA where there is a GPU, else the processor.
        model_dir: folder of the published weights; None: `model` in the app's folder.
        cache_dir: folder of computed registrations; None: `.lesion_tracker` in the studies' folder.
        workers: requests that are computed at the same time.
        waiting: requests that may wait for a worker; one more is answered 503.
        volume_mb: voxels of one study as its file stores them, in MiB; more is refused before memory is taken.
        sessions_mb: volumes that one reader sent along and that are kept until their time is over, in MiB; more is refused.
        volumes_mb: studies kept in memory, in MiB.
        registrations_mb: computed registrations kept on disk, in MiB.
        registration_workers: registrations that are computed at the same time, each in a process of its own.
        registration_threads: threads of each; 0: the processors, up to 8.
        background: register a patient's later studies as soon as a lesion is marked.
        any_modality: accept studies that are not CT, or whose values are no HU.
        reformats: accept axial reformats (ImageType MPR or REFORMATTED).
        hosts: names under which the server may be asked beside localhost, separated by commas.
        accounts: file of readers' accounts (`lesion-tracker account` makes it); None: nobody has to log in.
        data_dir: folder of the marks, tracks and corrections of a PACS's studies; None: `.local/share/lesion_tracker` at
            home. (A folder of studies keeps them in its own `labels`.)
        pacs_write: store a study's report and masks in the PACS when a reader asks for it; nothing else is ever written there.
        pacs_timeout_s: seconds that a PACS has for the answer to a query.
        pacs_download_s: seconds that it has for all files of a series.
        pacs_cache_mb: series of a PACS kept on disk, in MiB.
        pacs_answer_mb: one page of a PACS's answer, or the headers of a series, unpacked, in MiB; more is refused.
        pacs_series_mb: all files of a series, or what a viewer fetches at once, in MiB; more is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    method: MethodName = DEFAULT_METHOD
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    model_dir: Path | None = None
    cache_dir: Path | None = None
    workers: int = Field(default=2, ge=1, le=32)
    waiting: int = Field(default=64, ge=0, le=10_000)
    volume_mb: float = Field(default=2048.0, gt=0.0)
    sessions_mb: int = Field(default=16384, ge=0)
    volumes_mb: int = Field(default=2048, ge=0)
    registrations_mb: int = Field(default=2048, ge=0)
    registration_workers: int = Field(default=1, ge=1, le=16)
    registration_threads: int = Field(default=0, ge=0, le=64)
    background: bool = True
    any_modality: bool = False
    reformats: bool = False
    hosts: str | None = None
    accounts: Path | None = None
    data_dir: Path | None = None
    pacs_write: bool = False
    pacs_timeout_s: float = Field(default=20.0, gt=0.0, le=600.0)
    pacs_download_s: float = Field(default=300.0, gt=0.0, le=3600.0)
    pacs_cache_mb: int = Field(default=20_480, ge=1)
    pacs_answer_mb: float = Field(default=256.0, gt=0.0)
    pacs_series_mb: float = Field(default=4096.0, gt=0.0)

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names of `hosts`."""
        return tuple(name.strip() for name in (self.hosts or "").split(",") if name.strip())


def parse_settings(conf: Mapping[str, str], environment: Mapping[str, str]) -> Settings:
    """Read the settings of a server; `--conf` goes before the environment.

    Args:
        conf: names and values of `--conf`.
        environment: the process's environment; names that start with LESION_TRACKER_ count.

    Returns:
        The settings.

    Raises:
        InputError: for an unknown name or a value out of range; the message names it and says what is known.
    """
    named = {name: ("--conf " + name, value) for name, value in conf.items()}
    for name, value in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX):
            named.setdefault(name.removeprefix(ENVIRONMENT_PREFIX).lower(), (name, value))
    unknown = sorted(source for name, (source, _) in named.items() if name not in Settings.model_fields)
    if unknown:
        known = ", ".join(Settings.model_fields)
        raise InputError(f"unknown setting: {', '.join(unknown)}; known names: {known}")
    try:
        return Settings.model_validate({name: value for name, (_, value) in named.items()})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise InputError(f"{named[name][0]}: {first['msg']}, got {named[name][1]!r}") from None
