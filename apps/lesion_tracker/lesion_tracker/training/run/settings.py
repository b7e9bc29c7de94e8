"""The settings of a training run, read once from a TOML file; an unknown name stops it before the first step."""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lesion_tracker.errors import FileFormatError
from lesion_tracker.network.backbones import require_backbone
from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.training.examples.scenario import ScenarioSettings

SIZES: dict[str, Any] = {"blocks": (4, 8, 12), "growth": 24, "stem": 48}
"""Of the network where a run's file names none: about a quarter of DenseNet-121's weights, which `NetworkConfig` has."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataSection(_Section):
    """Which prepared studies are read.

    Args:
        folder: what `lesion-tracker prepare` wrote.
        studies: names to train on; empty takes all that are not in `validation`.
        validation: names never trained on.
        supervised: prepared pairs to train on; empty takes all that the folder holds.
        constructed: share of steps on constructed follow-ups.
        self_supervised: share of steps with the paper's augmentations (tau of Eq. 9); the rest is supervised pairs.
        registration_tail: share of registration errors drawn from 10 to 46 mm.
        proposals: a detector's findings by study, {"name": [{"center_mm": [x, y, z], "radius_mm": r}]}, instead of
            places with structure; empty draws the latter.
        licences: of the studies, for the model card.
    """

    folder: Path
    studies: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    supervised: tuple[str, ...] = ()
    constructed: float = Field(default=1.0, ge=0, le=1)
    self_supervised: float = Field(default=0.0, ge=0, le=1)
    registration_tail: float = Field(default=0.3, ge=0, le=1)
    proposals: Path | None = None
    licences: dict[str, str] = Field(default_factory=dict)

    @property
    def supervised_share(self) -> float:
        """Share of steps on supervised pairs: what the other two leave."""
        return max(0.0, 1.0 - self.constructed - self.self_supervised)

    @model_validator(mode="after")
    def _shares(self) -> "DataSection":
        if self.constructed + self.self_supervised > 1 + 1e-9:
            raise ValueError(f"constructed ({self.constructed}) + self_supervised ({self.self_supervised}) exceed 1")
        both = set(self.studies) & set(self.validation)
        if both:
            raise ValueError(f"studies {sorted(both)} are named for training and for validation")
        return self


class OptimiserSection(_Section):
    """How the weights move.

    Args:
        steps: in all.
        batch: examples of one process whose gradients are averaged in a step.
        learning_rate: after the warm-up; it falls linearly to 0 over the last `decay` share of the steps.
        scale_factor: of the learning rate, for scales and offsets of the normalisations.
        warmup: steps.
        decay: share of the steps.
        weight_decay: of AdamW.
        clip: largest norm of the gradient.
        ema: decay of the averaged weights, which are the ones published.
        focal_weight: weight of the paper's focal loss (Eq. 8), which grows without bound where many cells score high.
        focal_cap: from here on the focal loss of a map counts logarithmically.
        place_weight: weight of the cross-entropy of the place.
        place_sigma_mm: width of its target.
        presence_weight: weight of the cross-entropy of "it is there", in a network that has the head.
    """

    steps: int = Field(default=1000, ge=1)
    batch: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    scale_factor: float = Field(default=1.0, gt=0)
    warmup: int = Field(default=100, ge=0)
    decay: float = Field(default=0.3, ge=0, le=1)
    weight_decay: float = Field(default=1e-4, ge=0)
    clip: float = Field(default=5.0, gt=0)
    ema: float = Field(default=0.998, ge=0, lt=1)
    focal_weight: float = Field(default=0.1, ge=0)
    focal_cap: float = Field(default=5.0, gt=0)
    place_weight: float = Field(default=1.0, ge=0)
    place_sigma_mm: float = Field(default=3.5, gt=0)
    presence_weight: float = Field(default=0.5, ge=0)

    def rate_of(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0: it rises, stays, then falls linearly to 0."""
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        falling = self.decay * self.steps
        fall = min(1.0, (self.steps - step) / falling) if falling >= 1 else 1.0
        return self.learning_rate * rise * fall


class RunSection(_Section):
    """Where the run writes and how it runs.

    Args:
        output: folder of checkpoints, weights and TensorBoard files.
        seed: of everything.
        device: "auto", "cpu" or "cuda".
        precision: "bfloat16" (autocast) or "float32".
        threads: of torch on the CPU; 0 leaves torch's choice.
        workers: processes that draw pairs; 0 draws in the training process.
        checkpoint_seconds: between checkpoints.
        validate_every: steps; 0 validates only at the end. Without validation studies it must be written as 0.
        validation_pairs: constructed pairs of the validation studies.
        picture_every: steps between the pictures of TensorBoard; 0 draws none.
        initial_weights: folder of published weights to start from, or empty.
        fitting: take from them the tensors whose name and shape fit, and start the others anew; otherwise their sizes must
            be those of the run.
        imagenet: torchvision DenseNet-121 state dict to inflate, or empty.
    """

    output: Path
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    threads: int = Field(default=0, ge=0)
    workers: int = Field(default=1, ge=0)
    checkpoint_seconds: float = Field(default=180.0, gt=0)
    validate_every: int = Field(default=0, ge=0)
    validation_pairs: int = Field(default=24, ge=1)
    picture_every: int = Field(default=200, ge=0)
    initial_weights: Path | None = None
    fitting: bool = False
    imagenet: Path | None = None

    @model_validator(mode="after")
    def _one_start(self) -> "RunSection":
        if self.initial_weights is not None and self.imagenet is not None:
            raise ValueError(f"initial_weights {self.initial_weights} and imagenet {self.imagenet}: start from one")
        return self


class TrainingSettings(_Section):
    """All settings of one run.

    Args:
        data: what is read.
        run: where it writes and how it runs.
        network: sizes and variants; those of `SIZES` where the file names none, "none" for the variant without K_g.
        optimiser: how the weights move.
        scenario: what a constructed pair may look like.
    """

    data: DataSection
    run: RunSection
    network: NetworkConfig = NetworkConfig(**SIZES)
    optimiser: OptimiserSection = OptimiserSection()
    scenario: ScenarioSettings = ScenarioSettings()

    @field_validator("network", mode="before")
    @classmethod
    def _from_file(cls, given: Any) -> Any:
        """Take the network's own defaults for what neither the file nor `SIZES` names."""
        if not isinstance(given, dict):
            return given
        return {**SIZES, **given, **({"global_kernel": None} if given.get("global_kernel") == "none" else {})}

    @field_validator("network")
    @classmethod
    def _buildable(cls, network: NetworkConfig) -> NetworkConfig:
        require_backbone(network)
        return network


def read_settings(path: Path, folder: Path | None = None, output: Path | None = None) -> TrainingSettings:
    """Read a run's TOML file.

    Args:
        path: the file.
        folder: taken instead of its data.folder.
        output: taken instead of its run.output.

    Raises:
        FileFormatError: naming the key and the value that cannot be used.
    """
    values = _read_toml(path)
    for section, key, value in (("data", "folder", folder), ("run", "output", output)):
        if value is not None and isinstance(values.setdefault(section, {}), dict):
            values[section][key] = str(value)
    try:
        return TrainingSettings(**values)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']} (got {fault['input']!r})"
            for fault in error.errors()
        )
        raise FileFormatError(f"{path}: {faults}") from None
    except TypeError as error:
        raise FileFormatError(f"{path}: {error}") from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileFormatError(f"there is no training configuration {path}") from None
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path} is no TOML file: {error}") from None
