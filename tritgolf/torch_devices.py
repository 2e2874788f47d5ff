"""Whether torch can use the GPUs that are here, and what a process computes on. Imports torch only where it must.

A CPU build of torch trains on the CPU without a word though a driver lists GPUs. So who means to compute on GPUs asks
here first, and what a file says of hardware comes from the device that its process used.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from tritgolf.devices import ASKED, ON_CPU, assigned_gpus, too_few, visible_devices
from tritgolf.errors import InputError

PROGRAM = "from tritgolf.torch_devices import tell; tell()"
STILL = "to compute on the CPU all the same: {}"


@dataclass(frozen=True)
class Found:
    """A torch: its version, whether it was built to use GPUs, and how many of the visible ones it finds."""

    version: str
    has_cuda: bool
    gpus: int


def found_here() -> Found:
    """What the torch of this process finds; CUDA is not put to use by it."""
    import torch  # noqa: PLC0415  (who only plans the work does without)

    built = torch.version.cuda or torch.version.hip
    return Found(str(torch.__version__), bool(built), torch.cuda.device_count() if torch.cuda.is_available() else 0)


def found_elsewhere() -> Found:
    """The same, found by a process of its own. Raises ``InputError`` where torch cannot be imported."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    if done.returncode:
        *_, last = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise InputError(sys.executable, f"cannot import torch ({last})", "make install")
    return Found(**json.loads(done.stdout.splitlines()[-1]))


def tell() -> None:
    """Print what this process's torch finds, as JSON (``found_elsewhere`` reads it)."""
    print(json.dumps(asdict(found_here())))


def check_gpus(asked: int, found: Found, where: str = ASKED, on_cpu: str = ON_CPU) -> None:
    """Raise ``InputError``, in the words of ``too_few``, unless torch can use ``asked`` GPUs of this machine."""
    if found.gpus >= asked:
        return
    listed = len(visible_devices())
    if listed < asked:
        raise too_few(asked, max(listed, found.gpus), where, on_cpu)
    gpus = f"{listed} GPU{'s are' if listed > 1 else ' is'} listed here"
    torch = f"torch {found.version}"
    if not found.has_cuda:
        raise InputError(torch, f"{gpus}, and this torch has no CUDA: make TORCH=cuda install", STILL.format(on_cpu))
    what = f"{gpus}, and this torch can use {found.gpus or 'none'} of them"
    raise InputError(
        torch, what, f"install a driver of its CUDA, or leave out what it can't use; {STILL.format(on_cpu)}"
    )


@contextlib.contextmanager
def computing_on(gpus: int) -> Iterator[None]:
    """Hold ``gpus`` GPUs for a job (``assigned_gpus``) that computes on them; 0: on the CPU, or on what torch finds.

    Raises ``InputError`` where torch cannot use them.
    """
    with assigned_gpus(gpus):
        if gpus:
            check_gpus(gpus, found_here())
        yield


def gpus_in_use() -> list[str]:
    """Name of the GPU that this process computes on, as a list; empty where it hasn't used any."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return []
    return [torch.cuda.get_device_name()]
