"""A hub on loopback: the part of the Hugging Face Hub's protocol that a download uses, with faults on demand.

``/api/{models,datasets}/REPO/revision/REVISION`` and ``…/tree/COMMIT`` list files with sizes, blob ids and LFS digests;
``/[datasets/]REPO/resolve/COMMIT/PATH`` answers with ETag and X-Repo-Commit, for LFS files with a redirect
(X-Linked-Size, X-Linked-ETag) to another address that serves ranges, as the hub's content network does.
"""

import hashlib
import json
import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from tests.loopback import COMMIT, Handler, Loopback

Fault = Callable[[Handler, bytes], None]


class Hub(Loopback):
    """Files of one repo, served until closed. ``faults`` are taken one a content request: a handler, or None."""

    def __init__(self, repository: str, kind: str, files: dict[str, bytes]) -> None:
        self.repository, self.kind, self.files = repository, kind, files
        self.requests: list[tuple[str, str | None]] = []
        self.faults: list[Fault | None] = []
        self.list_faults: list[Fault] = []
        self.lfs_digests: dict[str, str] = {}
        self.main = COMMIT  # the commit that the branch is at
        super().__init__(_Handler)

    def downloads(self) -> list[tuple[str, str | None]]:
        """Content requests so far: (path, Range header)."""
        return [request for request in self.requests if request[0].startswith("/cdn/") or "/resolve/" in request[0]]

    def siblings(self) -> list[dict[str, object]]:
        found = []
        for name, data in self.files.items():
            blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            entry: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": blob}
            if name.endswith(".bin"):
                digest = self.lfs_digests.get(name, hashlib.sha256(data).hexdigest())
                entry["lfs"] = {"sha256": digest, "size": len(data), "pointerSize": 134}
            found.append(entry)
        return found

    def tree(self) -> list[dict[str, object]]:
        """The same as ``snapshot_download`` asks for it."""
        entries = []
        for file in self.siblings():
            entry = {"type": "file", "path": file["rfilename"], "size": file["size"], "oid": file["blobId"]}
            if isinstance(lfs := file.get("lfs"), dict):
                entry["lfs"] = {"oid": lfs["sha256"], "size": lfs["size"], "pointerSize": lfs["pointerSize"]}
            entries.append(entry)
        return entries


def status(code: int) -> Fault:
    """Answer with an error."""
    return lambda handler, _: handler.answer(code)


def truncate(sent: int) -> Fault:
    """Promise everything, send ``sent`` bytes, hang up."""

    def answer(handler: Handler, data: bytes) -> None:
        handler.answer(200, data[:sent], len(data))
        handler.close_connection = True

    return answer


def replace(content: bytes) -> Fault:
    """Send something else, as a proxy's login page is."""
    return lambda handler, _: handler.answer(200, content)


def part(content: bytes) -> Fault:
    """Send something else as the part that was asked for."""
    return lambda handler, _: handler.answer(206, content)


def ignore_range(handler: Handler, data: bytes) -> None:
    """Send the whole file although a part of it was asked for."""
    handler.answer(200, data)


class _Handler(Handler):
    hub: Hub

    def do_GET(self) -> None:  # noqa: N802  (what the server calls)
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((path, self.headers.get("Range")))
        prefix = "datasets/" if self.hub.kind == "dataset" else ""
        if found := re.fullmatch(rf"/api/{self.hub.kind}s/{self.hub.repository}/revision/(main|{COMMIT})", path):
            self._list(self.hub.main if found[1] == "main" else COMMIT)
        elif path == f"/api/{self.hub.kind}s/{self.hub.repository}/tree/{COMMIT}":
            self.answer(200, json.dumps(self.hub.tree()).encode())
        elif found := re.fullmatch(rf"/{prefix}{self.hub.repository}/resolve/{COMMIT}/(.+)", path):
            self._resolve(found[1])
        elif path.startswith("/cdn/") and path.removeprefix("/cdn/") in self.hub.files:
            self._content(self.hub.files[path.removeprefix("/cdn/")])
        else:
            self.answer(404)

    def do_HEAD(self) -> None:  # noqa: N802  (what the server calls)
        """What a file is, which the hub's library asks before it asks for the file; no request of content."""
        path = unquote(urlsplit(self.path).path)
        name = path.removeprefix("/cdn/").rpartition(f"/resolve/{COMMIT}/")[2]
        if name not in self.hub.files:
            self.answer(404)
        elif name.endswith(".bin") and not path.startswith("/cdn/"):
            self._resolve(name)
        else:
            self.answer(200, length=len(self.hub.files[name]), **_identity(self.hub.files[name]))

    def _list(self, commit: str) -> None:
        if self.hub.list_faults:
            self.hub.list_faults.pop(0)(self, b"")
            return
        info = {"id": self.hub.repository, "sha": commit, "siblings": self.hub.siblings(), "tags": []}
        self.answer(200, json.dumps(info).encode())

    def _resolve(self, name: str) -> None:
        if name not in self.hub.files:
            self.answer(404)
        elif name.endswith(".bin"):
            digest, size = hashlib.sha256(self.hub.files[name]).hexdigest(), str(len(self.hub.files[name]))
            linked = {"X_Linked_Size": size, "X_Linked_ETag": f'"{digest}"'}
            self.answer(302, Location=f"{self.hub.endpoint}/cdn/{name}", X_Repo_Commit=COMMIT, **linked)
        else:
            self._content(self.hub.files[name])

    def _content(self, data: bytes) -> None:
        fault = self.hub.faults.pop(0) if self.hub.faults else None
        if fault is not None:
            fault(self, data)
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        start = int(asked[1]) if asked else 0
        stop = min(int(asked[2]) + 1, len(data)) if asked and asked[2] else len(data)
        place = {"Content_Range": f"bytes {start}-{stop - 1}/{len(data)}"} if asked else {}
        self.answer(206 if asked else 200, data[start:stop], **place, **_identity(data))


def _identity(data: bytes) -> dict[str, str]:
    """The headers that say which bytes a file's are."""
    return {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X_Repo_Commit": COMMIT}
