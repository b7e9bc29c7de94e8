"""One step: bfloat16 leaves parameters in float32, the gradient is clipped, the averaged weights follow their recursion."""

import math
from pathlib import Path

import pytest
import torch

from lesion_tracker.training.run.loop import Trainer
from lesion_tracker.training.run.settings import read_settings
from lesion_tracker.training.run.start import new_net
from lesion_tracker.training.run.step import StepReport
from tests.training.made import made_config, made_examples

pytestmark = pytest.mark.usefixtures("one_thread")


def trainer_of(place: Path, steps: int, edit: str) -> Trainer:
    settings = read_settings(made_config(place, place, steps=steps, edit=edit))
    examples = made_examples(2)
    return Trainer(settings, new_net(settings)[0], examples)


def test_bfloat16_gives_finite_losses_and_leaves_the_parameters_in_float32(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, 2, 'precision = "float32"=>precision = "bfloat16"')
    before = [p.detach().clone() for p in trainer.net.parameters()]
    seen: list[StepReport] = []
    trainer.run(seen.append)
    assert len(seen) == 2
    assert all(math.isfinite(step.loss) for step in seen)
    assert seen[0].logits.dtype != torch.float64
    assert {p.dtype for p in trainer.net.parameters()} == {torch.float32}
    assert any(bool((p != old).any()) for p, old in zip(trainer.net.parameters(), before, strict=True))
    plain = trainer_of(tmp_path, 2, "").net
    with torch.no_grad():
        wide = plain(trainer.examples[0].inputs)
        narrow = (
            trainer_of(tmp_path, 2, 'precision = "float32"=>precision = "bfloat16"')
            ._forward(trainer.examples[0])
            .logits
        )
    assert not torch.equal(wide, narrow.float())  # the precision is really another one


@pytest.mark.parametrize("clip", [1e-3, 1e9])
def test_the_gradient_is_clipped_to_the_norm_asked_for(tmp_path: Path, clip: float) -> None:
    trainer = trainer_of(tmp_path, 1, f"warmup = 2=>warmup = 2\nclip = {clip}")
    trainer.run(lambda _: None)
    norm = float(torch.cat([p.grad.flatten() for p in trainer.net.parameters() if p.grad is not None]).norm())
    if clip < 1:
        assert 0.9 * clip < norm <= clip * (1 + 1e-4)
    else:
        assert norm > 0.1


def test_the_averaged_weights_follow_the_recursion(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, 3, "warmup = 2=>warmup = 2\nema = 0.15")
    weights = [{name: value.clone() for name, value in trainer.net.state_dict().items()}]
    trainer.run(lambda _: weights.append({name: value.clone() for name, value in trainer.net.state_dict().items()}))
    assert len(weights) == 4
    for name, average in trainer.average.items():
        w0, w1, w2, w3 = (step[name].double() for step in weights)
        # decays of (1 + n) / (10 + n) for n = 0, 1, 2, at most 0.15: 1/10, then 0.15 (for 2/11), then 0.15 (for 3/12)
        after1 = 0.1 * w0 + 0.9 * w1
        after2 = 0.15 * after1 + 0.85 * w2
        expected = 0.15 * after2 + 0.85 * w3
        assert torch.allclose(average.double(), expected, rtol=1e-4, atol=1e-6), name
    assert any(bool((value != weights[3][name]).any()) for name, value in trainer.average.items())
