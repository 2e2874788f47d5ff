"""A headless Chromium, spoken to over a pipe (the DevTools protocol): no package and no port are needed.

``python -m tests.browser PAGE FOLDER`` writes a screenshot of the page for each of ``WIDTHS``: to look at.
"""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WIDTHS = {"desktop": 1280, "phone": 390}  # CSS pixels
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-extensions", "--disable-background-networking", "--disable-sync", "--remote-debugging-pipe"),
)
FAILURES = ("Runtime.exceptionThrown", "Network.loadingFailed", "Inspector.targetCrashed")
SECONDS = 60


def chromium() -> str | None:
    """The browser's program, or None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Browser:
    """A running Chromium with one tab. ``complaints``: what went wrong on the page that is open, in its words."""

    def __init__(self, inlet: int, outlet: int) -> None:
        self._inlet, self._outlet, self._buffer, self._number = inlet, outlet, b"", 0
        self._session: str | None = None
        self._events: list[dict[str, Any]] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")

    def open(self, page: Path, width: int) -> None:
        """Show ``page`` at this width (CSS pixels) and wait until it is loaded."""
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self._ask("Emulation.setDeviceMetricsOverride", **metrics)
        self._events.clear()
        self._ask("Page.navigate", url=page.resolve().as_uri())
        self._wait("Page.loadEventFired")

    @property
    def complaints(self) -> list[str]:
        """Errors of scripts, on the console and in the log, and what was not loaded."""
        found = []
        for event in self._events:
            kind, told = event["method"], event["params"]
            if kind == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
                found.append(told["entry"]["text"])
            elif kind == "Runtime.consoleAPICalled" and told["type"] in ("error", "assert"):
                found.append(json.dumps(told["args"]))
            elif kind in FAILURES:
                found.append(json.dumps(told))
        return found

    def value(self, script: str) -> Any:
        """What an expression is on the page that is open."""
        return self._ask("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def screenshot(self, path: Path, whole: bool = True) -> None:
        """Write the page as a PNG."""
        data = self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._inlet, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            self._events.append(answer)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def _wait(self, event: str) -> None:
        while not any(seen["method"] == event for seen in self._events):
            self._events.append(self._read())

    def _read(self) -> dict[str, Any]:
        until = time.monotonic() + SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._outlet], [], [], max(0.0, until - time.monotonic()))
            chunk = os.read(self._outlet, 1 << 20) if ready else b""
            assert chunk, "Chromium does not answer"
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))


@contextlib.contextmanager
def running(profile: Path) -> Iterator[Browser]:
    """A browser with its data in ``profile``; it ends with the block."""
    (reading, inlet), (outlet, writing) = os.pipe(), os.pipe()
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (reading, writing)]  # out of the way of 3 and 4

    def hand_over() -> None:
        os.dup2(theirs[0], 3)  # the numbers on which Chromium reads and writes the protocol
        os.dup2(theirs[1], 4)

    command = [str(chromium()), *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, close_fds=False, preexec_fn=hand_over, **streams)  # noqa: PLW1509
    for end in (reading, writing, *theirs):
        os.close(end)
    try:
        yield Browser(inlet, outlet)
    finally:
        process.terminate()
        process.wait(timeout=SECONDS)
        os.close(inlet)
        os.close(outlet)


if __name__ == "__main__":
    target, out = map(Path, sys.argv[1:3])
    with running(out / ".profile") as browser:
        for name, pixels in WIDTHS.items():
            browser.open(target, pixels)
            time.sleep(float(sys.argv[3]) if len(sys.argv) > 3 else 0)  # of a page that scripts fill
            browser.screenshot(out / f"{target.stem}_{name}.png")
            print(name, browser.value("document.documentElement.scrollWidth"), browser.complaints)
