"""No network while scoring: a guard that forbids every socket but loopback ones.

It listens to CPython's audit events, so it covers all code that goes through Python's ``socket``, in every thread,
whatever name it imported. It does not see sockets that C++ libraries open themselves, connections that were open before
it was entered, or child processes; and a host *name* given straight to ``connect`` is looked up before it is refused.
"""

import ipaddress
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

BLOCKED = "blocked"
"""What an evaluation that ran under the guard writes as ``provenance.network``."""

LOCAL_FAMILIES = {getattr(socket, name) for name in ("AF_UNIX", "AF_NETLINK") if hasattr(socket, name)}
LOCAL_NAMES = (None, "localhost", b"localhost")


class NetworkForbiddenError(RuntimeError):
    """Something reached for the network. Not an ``OSError``, so that retry loops don't swallow it."""


class _Guard:
    """How many blocks are guarded now; audit hooks can't be removed, so one is installed once and asks here."""

    def __init__(self) -> None:
        self.depth = 0
        self.installed = False
        self.lock = threading.Lock()


_GUARD = _Guard()


@contextmanager
def no_network() -> Iterator[None]:
    """Inside the block any bind, connect, send or name look-up that is not loopback raises ``NetworkForbiddenError``.

    Process-wide and nestable.
    """
    with _GUARD.lock:
        if not _GUARD.installed:
            sys.addaudithook(_hook)
            _GUARD.installed = True
        _GUARD.depth += 1
    try:
        yield
    finally:
        with _GUARD.lock:
            _GUARD.depth -= 1


def network_state() -> str:
    """``BLOCKED`` inside a guarded block, else "open"."""
    return BLOCKED if _GUARD.depth else "open"


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _GUARD.depth or not event.startswith("socket."):
        return
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"):
        opened, address = arguments[0], arguments[1]
        if address is not None and opened.family not in LOCAL_FAMILIES and not _is_loopback(_host(address)):
            raise NetworkForbiddenError(f"{event} to {address!r} while the network is forbidden")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
        if host not in LOCAL_NAMES and not _is_loopback(host):
            raise NetworkForbiddenError(f"look-up of {host!r} while the network is forbidden")


def _host(address: Any) -> Any:
    return address[0] if isinstance(address, tuple) and address else address


def _is_loopback(host: Any) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", errors="replace")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
