"""One step of one process; run as `gradients.py CONFIG OUT`, by itself or as torchrun starts it, it writes the gradients."""

import sys
from pathlib import Path

import torch

from lesion_tracker.training.run.loop import Trainer
from lesion_tracker.training.run.processes import joined_processes, share_weights
from lesion_tracker.training.run.settings import read_settings
from lesion_tracker.training.run.start import examples_of, new_net, read_data


def gradients(config: Path) -> dict[str, torch.Tensor]:
    """Return the gradients of the first step, clipped as the settings say."""
    settings = read_settings(config)
    torch.set_num_threads(settings.run.threads)
    with joined_processes(torch.device("cpu")) as processes:
        net, _ = new_net(settings)
        trainer = Trainer(settings, net, examples_of(settings, read_data(settings)), processes.count, processes.number)
        share_weights(trainer.net, processes.count)
        trainer._train_on(trainer._stream())
        return {name: value.grad.clone() for name, value in net.named_parameters() if value.grad is not None}


if __name__ == "__main__":
    torch.save(gradients(Path(sys.argv[1])), sys.argv[2])
