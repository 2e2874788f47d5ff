"""A process that computes on the CPU: how many threads it has, and memory that it keeps for its next tensors."""

import contextlib
import ctypes
import functools
import gc
import sys

import torch

# glibc's mallopt: from which size memory comes from the system alone, and how much that is free stays with the process.
MMAP_THRESHOLD, TRIM_THRESHOLD = (-3, 32 << 20), (-1, 512 << 20)


def use_processors(threads: int) -> None:
    """Compute with ``threads`` threads, and keep up to 512 MB that is free, where memory is glibc's.

    A step of a small model makes and frees hundreds of tensors of megabytes. glibc gives such memory back at once, and
    the system clears each page of it again for the next tensor: a fifth of the demo's time. Results are the same bits.
    """
    torch.set_num_threads(threads)
    _keep_what_is_imported()
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        for option, size in (MMAP_THRESHOLD, TRIM_THRESHOLD):
            mallopt(option, size)


@functools.cache  # what comes later may be large, and is let go of as always
def _keep_what_is_imported() -> None:
    """Leave it out when garbage is looked for: at its end a process that imported torch took 0.4 s for that."""
    gc.freeze()
