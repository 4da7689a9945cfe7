"""A proxy before an S3 server that does harm to one request, or to all."""

from __future__ import annotations

import http.client
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

_SKIPPED: Final = frozenset(("connection", "transfer-encoding", "content-length", "expect", "date"))
_ERROR: Final = "<?xml version='1.0'?><Error><Code>{}</Code><Message>{}</Message></Error>"
#: Something that a server may echo, and that nobody is to see.
ECHOED: Final = "AKIAECHOEDBYTHESERVER"


class Request(NamedTuple):
    """A request as a fault sees it: which one it is, from 1, its method and its path."""

    number: int
    method: str
    path: str


#: Names the fault that a request meets; empty for none.
Harm = Callable[[Request], str]
#: Answers instead of the server's, by the name of the fault: status and code.
ANSWERS: Final = {
    "500": (500, "InternalError"),
    "503": (503, "SlowDown"),
    "409": (409, "ConditionalRequestConflict"),
    "digest": (400, "BadDigest"),
    "expired": (400, "ExpiredToken"),
    "denied": (403, "AccessDenied"),
    "skewed": (403, "RequestTimeTooSkewed"),
    "region": (301, "PermanentRedirect"),
}


class Proxy:
    """A proxy that is running.

    Attributes:
        endpoint: its URL.
        seen: the requests that came.
        harm: decides which of them meets what.
        replacement: the body that a request gets which meets "replaced", headers as they are.
    """

    def __init__(self, target: str) -> None:
        self.seen: list[Request] = []
        self.harm: Harm = lambda _: ""
        self.replacement = b""
        self._lock = threading.Lock()
        host = urlsplit(target).netloc
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                proxy.answer(self, host)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def reset(self, harm: Harm) -> None:
        """Restart the count."""
        self.seen = []
        self.harm = harm

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        """Answer until the end."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, host: str) -> None:
        """Hand a request on, or do something else."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        with self._lock:
            request = Request(len(self.seen) + 1, handler.command, handler.path)
            self.seen.append(request)
        fault = self.harm(request)
        if fault == "reset":
            _reset(handler)
        elif fault == "silent":
            _keep_silent(handler)
        elif fault in ANSWERS:
            status, code = ANSWERS[fault]
            _send(handler, status, [], _ERROR.format(code, ECHOED).encode())
        else:
            self._hand_on(handler, host, body, fault)

    def _hand_on(self, handler: BaseHTTPRequestHandler, host: str, body: bytes, fault: str) -> None:
        headers = {k: v for k, v in handler.headers.items() if k.lower() not in _SKIPPED}
        if fault in {"whole", "careless"}:
            headers.pop("Range", None)
        if fault == "careless":
            headers = {k: v for k, v in headers.items() if not k.lower().startswith("if-")}
        if fault == "altered" and body:
            headers = {k: v for k, v in headers.items() if "checksum" not in k.lower()}
            headers.pop("Content-MD5", None)
            body = bytes([body[0] ^ 1]) + body[1:]
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.request(handler.command, handler.path, body, headers)
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        kept = [(k, v) for k, v in reply.getheaders() if k.lower() not in _SKIPPED]
        if fault == "replaced":
            data = self.replacement
        if fault == "altered-read":
            data = bytes([*data[:9], data[9] ^ 1, *data[10:]])
        if fault == "lost":
            _reset(handler)
        elif fault == "late":
            _keep_silent(handler)
        elif fault == "gone":  # it was done, and is not known any more
            _send(handler, 404, [], _ERROR.format("NoSuchUpload", ECHOED).encode())
        elif fault == "broken":
            _send(handler, reply.status, kept, data, half=True)
        elif fault == "short":
            kept = [(k, re.sub(r"^bytes .*", "", v)) for k, v in kept]
            _send(handler, reply.status, kept, data[: len(data) // 2])
        else:
            size = reply.getheader("Content-Length") if handler.command == "HEAD" else None
            _send(handler, reply.status, kept, data, size=size)


def _send(
    handler: BaseHTTPRequestHandler,
    status: int,
    headers: list[tuple[str, str]],
    data: bytes,
    *,
    size: str | None = None,
    half: bool = False,
) -> None:
    handler.send_response(status)
    for name, value in headers:
        handler.send_header(name, value)
    handler.send_header("Content-Length", size or str(len(data)))
    handler.end_headers()
    if handler.command == "HEAD":
        return
    handler.wfile.write(data[: len(data) // 2] if half else data)
    if half:
        handler.wfile.flush()
        _reset(handler)


def _keep_silent(handler: BaseHTTPRequestHandler) -> None:
    """Say nothing for longer than the client waits."""
    handler.close_connection = True
    threading.Event().wait(5)


def _reset(handler: BaseHTTPRequestHandler) -> None:
    """End the connection as one that breaks: with a reset."""
    connection = handler.connection
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    connection.close()
    handler.wfile = handler.rfile = _Nowhere()  # type: ignore[assignment]


class _Nowhere:
    """The state of a connection that was reset."""

    closed = True

    def flush(self) -> None:
        """Nothing is there to be flushed."""

    def close(self) -> None:
        """Close the server."""
