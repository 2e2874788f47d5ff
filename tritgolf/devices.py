"""Which GPUs this process may use, found without importing torch (a workflow is planned in a second)."""

import functools
import os
import subprocess


@functools.cache
def visible_gpus() -> int:
    """Number of GPUs that CUDA_VISIBLE_DEVICES leaves, or that the driver lists; 0 where there is no driver."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return len([device for device in chosen.split(",") if device.strip() not in ("", "-1")])
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in listing.splitlines())
