"""A web server on loopback: what stands in for a hub answers through it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c0ffee" * 6 + "abcd"  # the commit that every repo is at


class Loopback:
    """Serves until it is closed; its requests are handled by ``handler``, which finds it as ``hub``."""

    def __init__(self, handler: type["Handler"]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), {"hub": self}))
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    """A request, answered whole and told nowhere."""

    protocol_version = "HTTP/1.1"

    def answer(self, code: int, body: bytes = b"", length: int | None = None, **headers: str) -> None:
        """``headers`` by their names with ``_`` for ``-``. ``length``: what is promised, if not ``body``'s."""
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
