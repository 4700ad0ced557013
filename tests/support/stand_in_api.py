"""`python -m tests.support.stand_in_api`: as much of the API as a supervisor and a first visitor see."""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200, f'{{"path": "{self.path}", "tenant": "{self.headers["Ringback-Tenant"]}"}}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        allowed = self.headers["Authorization"] == f"Bearer {os.environ['RINGBACK_OPERATOR_KEY']}"
        self._answer(303 if self.path == "/v1/tasks" and allowed else 201 if allowed else 401, body)
        sys.stdout.write(f"posted {self.path} {body}\n")
        sys.stdout.flush()

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Location", "/v1/tasks/task_1")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Be silent."""


if __name__ == "__main__":
    address = (os.environ["RINGBACK_HOST"], int(os.environ["RINGBACK_PORT"]))
    ThreadingHTTPServer(address, _Handler).serve_forever()
