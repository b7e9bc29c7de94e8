"""Where and how exactly a network computes: the device, and the short numbers that its processor multiplies fast."""

import torch


def choose_device(wish: str = "auto") -> torch.device:
    """Return the device to compute on.

    Args:
        wish: "auto" takes the first CUDA device if there is one, else the CPU; or "cpu", "cuda", "cuda:1".

    Raises:
        ValueError: for a device that this machine does not have, or a name that torch does not know.
    """
    if wish == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wish)
    except RuntimeError:
        raise ValueError(f"unknown device {wish!r}: it is auto, cpu, cuda or cuda:<number>") from None
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"device {wish!r} is not supported: it is auto, cpu, cuda or cuda:<number>")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device {wish!r} was asked for, but torch sees {torch.cuda.device_count()} CUDA devices here")
    return device


def choose_dtype(device: torch.device) -> torch.dtype:
    """Return the type that products are computed in: the score map and what is decoded from it stay float32.

    bfloat16 where the processor has instructions for it (CUDA from Ampere on, AVX-512 BF16, AMX), else float32:
    emulated it is slower. float16 is never taken: the folded kernels are so small that it would lose their digits.
    """
    if device.type == "cuda":
        major, _ = torch.cuda.get_device_capability(device)
        return torch.bfloat16 if major >= 8 else torch.float32
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    native = capabilities.get("avx512_bf16", False) or capabilities.get("amx_bf16", False)
    return torch.bfloat16 if native else torch.float32
