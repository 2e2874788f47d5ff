"""A hub on loopback that takes uploads: the part of its protocol that ``create_repo`` and ``upload_folder`` use."""

import base64
import json

from tests.loopback import COMMIT, Handler, Loopback


class UploadHub(Loopback):
    """``files`` of the one repo that was written; every file is taken inline, with the ``token`` alone."""

    def __init__(self, token: str) -> None:
        self.token, self.files, self.made = token, {}, []
        super().__init__(_Handler)


class _Handler(Handler):
    hub: UploadHub

    def do_GET(self) -> None:  # noqa: N802  (what the server calls)
        self._tell(404, {"error": "not here"})

    def do_POST(self) -> None:  # noqa: N802  (what the server calls)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            self._tell(403, {"error": "forbidden"})
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            self.hub.made.append(asked)
            self._tell(200, {"url": f"{self.hub.endpoint}/someone/{asked['name']}", "id": f"someone/{asked['name']}"})
        elif self.path == "/api/validate-yaml":
            self._tell(200, {"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            wanted = [file["path"] for file in json.loads(body)["files"]]
            files = [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in wanted]
            self._tell(200, {"files": files})
        elif "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.hub.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self._tell(200, {"commitUrl": f"{self.hub.endpoint}/someone/golf/commit/{COMMIT}", "commitOid": COMMIT})
        else:
            self._tell(404, {"error": self.path})

    def _tell(self, code: int, facts: object) -> None:
        self.answer(code, json.dumps(facts).encode(), Content_Type="application/json")
