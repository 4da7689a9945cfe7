"""An OpenAI-compatible model on a port of 127.0.0.1, which answers as a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

Answers = Callable[["Call"], None]
#: Bytes after which an endless answer gives up, should nobody close it.
_ENDLESS: Final = 1 << 28


class Call:
    """One request to the server: what was sent, and how to answer it."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self.path = handler.path
        self.headers = dict(handler.headers)
        self.body = body
        self._handler = handler

    @property
    def question(self) -> str:
        """Return the text that was sent to the model."""
        text: str = self.body["messages"][-1]["content"]
        return text

    def send(
        self, status: int, data: bytes, kind: str = "application/json", **headers: str
    ) -> None:
        """Answer with a document."""
        handler = self._handler
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", headers.pop("length", str(len(data))))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def send_raw(self, data: bytes) -> None:
        """Answer with bytes as they are, and close the connection."""
        self._handler.wfile.write(data)
        self._handler.close_connection = True

    def send_endless(self, *, chunked: bool = False) -> None:
        """Answer without an end."""
        handler = self._handler
        block = b" " * (1 << 16)
        head = b"Transfer-Encoding: chunked\r\n" if chunked else b""
        handler.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + head + b"\r\n"
        )
        for _ in range(_ENDLESS >> 16):
            handler.wfile.write(b"10000\r\n%b\r\n" % block if chunked else block)

    def send_drops(self) -> None:
        """Answer one byte at a time, until the client closes the connection."""
        handler = self._handler
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        handler.connection.settimeout(0.05)
        while True:
            try:
                handler.wfile.write(b" ")
                if not handler.connection.recv(1):
                    return
            except TimeoutError:
                continue

    def wait_for_close(self) -> None:
        """Answer nothing until the client closes the connection."""
        self._handler.rfile.read(1)


def message(text: str, **fields: Any) -> bytes:
    """Return a document with a message of the model."""
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": text},
    }
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    return json.dumps(
        {"id": "x", "object": "chat.completion", "model": "fake-1", "choices": [choice],
         "usage": usage, **fields}
    ).encode()  # fmt: skip


def claims(*made: tuple[str, Iterable[str]]) -> Answers:
    """Return what answers with claims: a text and keys each."""
    listed = [{"text": text, "keys": list(keys)} for text, keys in made]
    return lambda call: call.send(200, message(json.dumps({"claims": listed})))


class ModelServer:
    """The server; a context manager that runs it in a thread.

    Attributes:
        url: the URL of the API, as `--endpoint` takes it.
        calls: in the order of arrival.
    """

    def __init__(self, answer: Answers) -> None:
        self.answer = answer
        self.calls: list[Call] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                call = Call(self, json.loads(data))
                server.calls.append(call)
                try:
                    server.answer(call)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Say nothing: tests look at `calls`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
