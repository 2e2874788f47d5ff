"""A hub on loopback: the part of the Hugging Face Hub's protocol that a download uses, with faults on demand.

``/api/{models,datasets}/REPO/revision/REVISION`` and ``…/tree/COMMIT`` list files with sizes, blob ids and LFS digests;
``/[datasets/]REPO/resolve/COMMIT/PATH`` answers with ETag and X-Repo-Commit, for LFS files with a redirect
(X-Linked-Size, X-Linked-ETag) to another address that serves ranges, as the hub's content network does.
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" * 6 + "abcd"


class Hub:
    """Files of one repo, served until closed. ``faults`` are taken one a content request: a handler, or None."""

    def __init__(self, repository: str, kind: str, files: dict[str, bytes]) -> None:
        self.repository, self.kind, self.files = repository, kind, files
        self.requests: list[tuple[str, str | None]] = []
        self.faults: list[Callable[[BaseHTTPRequestHandler, bytes], None] | None] = []
        self.list_faults: list[Callable[[BaseHTTPRequestHandler, bytes], None]] = []
        self.lfs_digests: dict[str, str] = {}
        self.main = COMMIT  # the commit that the branch is at
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

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


def status(code: int) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    """Answer with an error."""

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def truncate(sent: int) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    """Promise everything, send ``sent`` bytes, hang up."""

    def answer(handler: BaseHTTPRequestHandler, data: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:sent])
        handler.close_connection = True

    return answer


def replace(content: bytes) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    """Send something else, as a proxy's login page is."""

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def part(content: bytes) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    """Send something else as the part that was asked for."""

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(206)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def ignore_range(handler: BaseHTTPRequestHandler, data: bytes) -> None:
    """Send the whole file although a part of it was asked for."""
    replace(data)(handler, data)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((path, self.headers.get("Range")))
        prefix = "datasets/" if self.hub.kind == "dataset" else ""
        if found := re.fullmatch(rf"/api/{self.hub.kind}s/{self.hub.repository}/revision/(main|{COMMIT})", path):
            self._list(self.hub.main if found[1] == "main" else COMMIT)
        elif path == f"/api/{self.hub.kind}s/{self.hub.repository}/tree/{COMMIT}":
            replace(json.dumps(self.hub.tree()).encode())(self, b"")
        elif found := re.fullmatch(rf"/{prefix}{self.hub.repository}/resolve/{COMMIT}/(.+)", path):
            self._resolve(found[1])
        elif path.startswith("/cdn/") and path.removeprefix("/cdn/") in self.hub.files:
            self._content(self.hub.files[path.removeprefix("/cdn/")])
        else:
            status(404)(self, b"")

    def do_HEAD(self) -> None:
        """What a file is, which the hub's library asks before it asks for the file; no request of content."""
        path = unquote(urlsplit(self.path).path)
        name = path.removeprefix("/cdn/").rpartition(f"/resolve/{COMMIT}/")[2]
        if name not in self.hub.files:
            status(404)(self, b"")
        elif name.endswith(".bin") and not path.startswith("/cdn/"):
            self._resolve(name)
        else:
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha256(self.hub.files[name]).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(self.hub.files[name])))
            self.end_headers()

    def _list(self, commit: str) -> None:
        if self.hub.list_faults:
            self.hub.list_faults.pop(0)(self, b"")
            return
        info = {"id": self.hub.repository, "sha": commit, "siblings": self.hub.siblings(), "tags": []}
        replace(json.dumps(info).encode())(self, b"")

    def _resolve(self, name: str) -> None:
        if name not in self.hub.files:
            status(404)(self, b"")
        elif name.endswith(".bin"):
            digest = hashlib.sha256(self.hub.files[name]).hexdigest()
            self.send_response(302)
            self.send_header("Location", f"{self.hub.endpoint}/cdn/{name}")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Size", str(len(self.hub.files[name])))
            self.send_header("X-Linked-ETag", f'"{digest}"')
            self.send_header("Content-Length", "0")
            self.end_headers()
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
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        self.wfile.write(data[start:stop])

    def log_message(self, *_: object) -> None:
        pass
