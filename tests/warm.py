"""A Python that has imported what is slow to import: a process that has it forks, and the fork becomes the command.

Snakemake takes a second of the processor to import, torch two, and tests start both hundreds of times. Nothing of
tritgolf is imported before the fork: a workspace has its own copy. What is killed, or asks Python itself for something
by its environment, is started as a process of its own instead.
"""

import atexit
import contextlib
import functools
import gc
import json
import os
import runpy
import select
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BEFORE = ("matplotlib.pyplot", "nbformat", "pandas", "pydantic", "smart_open", "snakemake.cli", "torch", "yaml")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@functools.cache
def warm_python() -> str:
    """A program that runs what ``python`` does, as a fork; what forks ends when this process does.

    Python itself where forks of what has imported so much aren't safe: libraries of macOS forbid them.
    """
    if sys.platform != "linux":
        return sys.executable
    folder, this = tempfile.TemporaryDirectory(), Path(__file__)
    program, place = Path(folder.name) / "python", Path(folder.name) / "socket"
    program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-IS", str(this), "ask", str(place)])} "$@"\n')
    program.chmod(0o755)
    command = [sys.executable, str(this), "serve", str(place), str(program)]
    # All streams are pipes, as a test has a command's: Python looks at them once. What forks has one thread.
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    serving = subprocess.Popen(command, **streams, env=os.environ | ONE_THREAD, start_new_session=True)
    assert serving.stdout.readline() == b"ready\n", serving.stdout.read()
    warm_python.serving, warm_python.folder = serving, folder  # both go when they are collected
    return str(program)


def ask(place: str, arguments: list[str]) -> int:
    """Have a fork run ``python ARGUMENTS`` here, with this process's streams and environment; returns its exit code.

    Code that is told by -c runs in a process of its own: it asks what there is to import.
    """
    if arguments[0] == "-c":
        os.execv(sys.executable, [sys.executable, *arguments])
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(place)
        command = json.dumps({"arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ)})
        socket.send_fds(connection, [b"streams"], [0, 1, 2])
        connection.sendall(command.encode())
        connection.shutdown(socket.SHUT_WR)
        return int(connection.recv(8) or 1)


def serve(place: str) -> dict[str, Any]:
    """Fork at each connection until the input ends. In a fork: the command that it is to be."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen(64)
        print("ready", flush=True)
        while True:
            if sys.stdin in select.select([sys.stdin, listening], [], [])[0]:
                sys.exit()
            connection, _ = listening.accept()
            if os.fork() == 0:
                break
            connection.close()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
    return _answered(connection)


def _answered(connection: socket.socket) -> dict[str, Any]:
    """In a second fork: the command. The first tells its exit code once it has one."""
    _, streams, *_ = socket.recv_fds(connection, 7, 3)
    with connection.makefile("rb") as file:
        command = json.load(file)
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return command


def become(arguments: list[str], folder: str, environment: dict[str, str], program: str) -> None:
    """Go on as ``python ARGUMENTS``, a module's name behind -m or a file; the jobs of a Snakemake are forks, too."""
    os.setsid()
    os.chdir(folder)
    installed = [path for path in sys.path[1:] if path not in _told(os.environ)]
    os.environ.clear()
    os.environ.update(environment)
    is_module = arguments[0] == "-m"
    sys.path[:] = [folder if is_module else str(Path(arguments[0]).parent), *_told(environment), *installed]
    sys.argv[:] = arguments[is_module:]
    try:
        if is_module:
            sys.executable = program
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        end(ended.code or 0)
    end(0)


def end(code: int) -> None:
    """Exit without taking apart what was imported: that takes longer than many a job, and nothing hangs on it."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _told(environment: Mapping[str, str]) -> list[str]:
    return list(filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)))


if __name__ == "__main__":
    role, place, *rest = sys.argv[1:]
    if role == "ask":
        sys.exit(ask(place, rest))
    for name in BEFORE:
        __import__(name)
    gc.freeze()
    become(**serve(place), program=rest[0])
