"""Which GPUs this process may use, and their assignment to the jobs of one machine. Never imports torch.

Snakemake counts GPUs but has no ids for them: two jobs with ``gpu=1`` would land on the same device (snakemake #281).
So a job takes its devices here, each by a lock that the kernel gives back when the process ends, however it ends.
Whether torch can use them, ``tritgolf.torch_devices`` finds out.
"""

import contextlib
import functools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from tritgolf.errors import InputError

VARIABLE = "CUDA_VISIBLE_DEVICES"
HELD = "TRITGOLF_GPUS_HELD"  # in the environment of jobs that share GPUs: their caller holds them
ASKED, ON_CPU = "config.yaml: gpus", "--config device=cpu"
POLL_SECONDS = 0.5
LISTED = re.compile(r"^GPU \d+: .*\(UUID: (GPU-[\w-]+)\)", re.MULTILINE)


def hide_devices() -> None:
    """Let this process and those that it starts see no GPU: they compute on the CPU."""
    os.environ[VARIABLE] = ""


def visible_devices() -> tuple[str, ...]:
    """Ids of the GPUs that CUDA_VISIBLE_DEVICES leaves, or that the driver lists.

    An id is the UUID where the driver tells it: an index means another device in another container or cluster job.
    """
    listed, chosen = _listed(), os.environ.get(VARIABLE)
    if chosen is None:
        return listed
    ids: list[str] = []
    for device in (part.strip() for part in chosen.split(",")):
        if device in ("", "-1"):  # CUDA reads no further
            break
        ids.append(listed[int(device)] if device.isdecimal() and int(device) < len(listed) else device)
    return tuple(ids)


def too_few(asked: int, here: int, where: str = ASKED, on_cpu: str = ON_CPU) -> InputError:
    """The error that fewer GPUs are ``here`` than are ``asked`` for.

    ``where`` they are asked for, and how it is said that the CPU is meant (``on_cpu``): in the workflow, or a program.
    """
    wanted, found = f"{asked} {'is' if asked == 1 else 'are'}", f"{here or 'none'} {'are' if here > 1 else 'is'}"
    return InputError(where, f"{wanted} asked for, {found} here", _instead(asked, here, on_cpu))


def _instead(asked: int, here: int, on_cpu: str) -> str:
    on_one = f"compute on the CPU{f', in {asked} processes' if asked > 1 else ''}: {on_cpu}"
    return f"ask for fewer, or {on_one}" if here else on_one


@contextlib.contextmanager
def assigned_gpus(count: int, folder: Path | None = None) -> Iterator[tuple[str, ...]]:
    """Hold ``count`` visible GPUs and show only these to CUDA, here and in child processes, until the block ends.

    Waits, saying so, while other jobs of this user hold too many. Must begin before CUDA is first used. Yields the ids;
    none where no GPU is visible or asked for: the job then runs on the CPU. ``folder`` holds the locks; a job whose
    caller holds its GPUs (``HELD``) takes none. Raises ``InputError`` if there are fewer GPUs than asked for.
    """
    devices = visible_devices()
    if not devices or not count:
        yield ()
        return
    if count > len(devices):
        raise too_few(count, len(devices))
    with contextlib.ExitStack() as locks:
        held = devices[:count] if os.environ.get(HELD) else _take(count, devices, _lock_folder(folder), locks)
        before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = ",".join(held)
        try:
            yield held
        finally:
            os.environ.pop(VARIABLE)
            if before is not None:
                os.environ[VARIABLE] = before


def _take(count: int, devices: tuple[str, ...], folder: Path, locks: contextlib.ExitStack) -> tuple[str, ...]:
    """Lock ``count`` of ``devices`` in ``locks``.

    One process at a time collects devices: two that each had half of what they need would wait for each other, and one
    that needs all would wait for ever while smaller jobs come and go.
    """
    with _next_in_line(folder):
        held: list[str] = []
        told = False
        while True:
            for device in devices:
                if len(held) < count and device not in held and _lock(device, folder, locks):
                    held.append(device)
            if len(held) == count:
                return tuple(held)
            if not told:
                holders = ", ".join(sorted({_owner(device, folder) for device in devices if device not in held}))
                _tell(f"waiting for {count} of {len(devices)} GPUs: {len(held)} free, others held by process {holders}")
                told = True
            time.sleep(POLL_SECONDS)


def _next_in_line(folder: Path) -> contextlib.AbstractContextManager[object]:
    queue = FileLock(folder / "queue.lock")
    try:
        return queue.acquire(timeout=0)
    except Timeout:
        _tell("waiting for GPUs: another job that waits for some came first")
        return queue.acquire()


def _lock(device: str, folder: Path, locks: contextlib.ExitStack) -> bool:
    path = _file(device, folder)
    try:
        locks.enter_context(FileLock(path).acquire(timeout=0))
    except Timeout:
        return False
    path.with_suffix(".owner").write_text(str(os.getpid()))
    return True


def _owner(device: str, folder: Path) -> str:
    """Process id of the holder of a locked device, as far as it has told it."""
    with contextlib.suppress(OSError):
        return _file(device, folder).with_suffix(".owner").read_text()
    return "unknown"


def _file(device: str, folder: Path) -> Path:
    return folder / (re.sub(r"[^\w-]", "_", device) + ".lock")


def _lock_folder(folder: Path | None) -> Path:
    """The folder of locks that all jobs of this user on this machine share, wherever they run."""
    folder = folder or Path(f"/tmp/tritgolf-gpus-{os.getuid()}")  # not TMPDIR, which clusters set anew for every job
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise InputError(folder, "belongs to another user", "delete it: GPUs are assigned there")
    return folder


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@functools.cache
def _listed() -> tuple[str, ...]:
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(LISTED.findall(listing))
