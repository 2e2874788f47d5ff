"""A hub on loopback that takes uploads: the part of its protocol that ``create_repo`` and ``upload_folder`` use."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c0ffee" * 6 + "abcd"


class UploadHub:
    """``files`` of the one repo that was written; every file is taken inline, with the ``token`` alone."""

    def __init__(self, token: str) -> None:
        self.token, self.files, self.made = token, {}, []
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: UploadHub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(404, {"error": "not here"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            self._answer(403, {"error": "forbidden"})
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            self.hub.made.append(asked)
            self._answer(200, {"url": f"{self.hub.endpoint}/someone/{asked['name']}", "id": f"someone/{asked['name']}"})
        elif self.path == "/api/validate-yaml":
            self._answer(200, {"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            wanted = [file["path"] for file in json.loads(body)["files"]]
            files = [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in wanted]
            self._answer(200, {"files": files})
        elif "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.hub.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self._answer(200, {"commitUrl": f"{self.hub.endpoint}/someone/golf/commit/{COMMIT}", "commitOid": COMMIT})
        else:
            self._answer(404, {"error": self.path})

    def _answer(self, code: int, facts: object) -> None:
        data = json.dumps(facts).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass
