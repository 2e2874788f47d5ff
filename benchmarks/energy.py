"""Energy that this process's GPU has drawn, by NVIDIA's management library, which comes with the driver."""

import ctypes
import functools

import torch


@functools.cache
def _counter() -> tuple[ctypes.CDLL, ctypes.c_void_p] | None:
    """The library and the current GPU in it; None where there is none."""
    if not torch.cuda.is_available():
        return None
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    device = ctypes.c_void_p()
    uuid = f"GPU-{torch.cuda.get_device_properties(torch.cuda.current_device()).uuid}".encode()
    found = library.nvmlInit_v2() == 0 and library.nvmlDeviceGetHandleByUUID(uuid, ctypes.byref(device)) == 0
    return (library, device) if found else None


def joules() -> float | None:
    """Since the driver was loaded, of the current GPU; None where nobody counts."""
    counter = _counter()
    if counter is None:
        return None
    library, device = counter
    millijoules = ctypes.c_ulonglong()
    failed = library.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(millijoules))
    return None if failed else millijoules.value / 1000
