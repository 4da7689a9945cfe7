"""Ask an OpenAI-compatible endpoint (`POST /chat/completions`), using the standard library.

1. One connection, one request, one complete answer (`stream` is off). A watchdog closes the
   connection when the time is over, however slowly bytes arrive.
2. Redirects are not followed: the key and the records go only to the user's address.
3. A key is not sent over plain http, except to this machine. It is in no message: a server can
   repeat it in an error, also encoded.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlsplit

from codec.errors import FormatError
from codec.shown_text import one_line
from pipelines.outcomes.errors import Denied, NotFound, Unavailable
from pipelines.system.models.base import ANSWER_LIMIT, KEY, Answer, known_cost, known_count

_CONNECT_SECONDS: Final = 10.0
#: The most characters of an error's body that are shown.
_SHOWN: Final = 200


class Endpoint:
    """A model behind an OpenAI-compatible endpoint."""

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str,
        seconds: float,
        answer_tokens: int,
        schema: Mapping[str, Any],
    ) -> None:
        """Store the options; nothing is sent.

        Args:
            url: the URL of the API, up to `/v1`.
            model: its name at the endpoint.
            key: the bearer token; empty for none.
            seconds: the time limit for the complete answer.
            answer_tokens: the most tokens of the answer.
            schema: the schema that the answer follows.

        Raises:
            Denied: the key would be sent without encryption, or cannot be sent in a header.
        """
        self._parts = urlsplit(url)
        self._model = model
        self._key = key
        self._seconds = seconds
        self._fixed = {
            "model": model,
            "stream": False,
            "max_tokens": answer_tokens,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "claims", "strict": True, "schema": schema},
            },
        }
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise Denied(
                f"{KEY} has a line end, a space or another character that no key has",
                hint=f"Set {KEY} to the key alone",
            )
        if key and self._parts.scheme == "http" and not _is_local(self._parts.hostname or ""):
            raise Denied(
                f"{self.place}: the key would be sent without encryption",
                hint=f"Use an https address, or unset {KEY}",
            )

    @property
    def name(self) -> str:
        """Return the model's name without the address, because committed files contain the name."""
        return self._model

    @property
    def place(self) -> str:
        """Return the address of the endpoint."""
        return f"{self._parts.scheme}://{self._parts.netloc}{self._path}"

    @property
    def _path(self) -> str:
        path = quote(self._parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
        return f"{path}/chat/completions"

    def ask(self, question: str) -> Answer:
        """Send a question, once, and return the answer."""
        messages = [{"role": "user", "content": question}]
        body = json.dumps({**self._fixed, "messages": messages}).encode()
        late = threading.Event()
        try:
            with closing(_connection(self._parts)) as connection:
                connection.connect()
                with _closed_after(self._seconds, connection.sock, late):
                    connection.request("POST", self._path, body, self._headers())
                    with connection.getresponse() as response:
                        data = response.read(ANSWER_LIMIT + 1)
        except (OSError, http.client.HTTPException, UnicodeError) as e:
            raise self._unanswered(e, is_late=late.is_set()) from None
        if late.is_set():
            raise self._unanswered(TimeoutError(), is_late=True)
        self._check(response, data)
        return _answer(data, self.place)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return {**headers, "Authorization": f"Bearer {self._key}"} if self._key else headers

    def _unanswered(self, error: Exception, *, is_late: bool) -> Unavailable:
        if is_late or isinstance(error, TimeoutError):
            problem = f"no whole answer within {self._seconds:g} seconds"
        elif isinstance(error, http.client.IncompleteRead):
            problem = "the answer was cut off"
        else:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            problem = f"no answer: {self._shown(reason)}"
        return Unavailable(
            f"{self.place}: {problem}",
            hint="Check that the server runs; --timeout sets how long to wait",
        )

    def _check(self, response: http.client.HTTPResponse, data: bytes) -> None:
        """Raise an error unless an answer is a complete document with status 200."""
        status, where = response.status, self.place
        if status in (301, 302, 303, 307, 308):
            raise Unavailable(
                f"{where}: redirects to {self._target(response)}; nothing was sent there",
                hint="Pass the final address as --endpoint, if you trust it",
            )
        if status != 200:
            text = self._shown(data.decode(errors="replace"))
            raise _refusal(where, status, response.getheader("Retry-After"), text)
        if len(data) > ANSWER_LIMIT:
            raise Unavailable(f"{where}: the answer has more than {ANSWER_LIMIT:,} bytes")
        kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise FormatError(
                f"{where}: the answer is {self._shown(kind) or 'of no stated type'}, not"
                " application/json",
                hint="Pass the address up to /chat/completions; it often ends with /v1",
            )

    def _target(self, response: http.client.HTTPResponse) -> str:
        try:
            host = urlsplit(response.getheader("Location") or "").netloc
        except ValueError:
            host = ""
        return self._shown(host.rpartition("@")[2]) or "elsewhere"

    def _shown(self, text: str) -> str:
        """Return the beginning of a server's text on one line, without the key."""
        encoded = base64.b64encode(self._key.encode()).decode().rstrip("=")
        for form in {self._key, quote(self._key, safe=""), encoded} if self._key else ():
            text = text.replace(form, "***")
        return one_line(text, _SHOWN)


@contextmanager
def _closed_after(seconds: float, sock: socket.socket, late: threading.Event) -> Iterator[None]:
    """Shut a connection down when the time is over, even during a read."""

    def shut() -> None:
        late.set()
        with suppress(OSError):  # it is closed already
            sock.shutdown(socket.SHUT_RDWR)

    sock.settimeout(seconds)
    watchdog = threading.Timer(seconds, shut)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=_CONNECT_SECONDS)
    context = ssl.create_default_context()
    return http.client.HTTPSConnection(host, port, timeout=_CONNECT_SECONDS, context=context)


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refusal(
    where: str, status: int, retry: str | None, text: str
) -> Denied | NotFound | Unavailable:
    problem = f"{where}: status {status}" + (f": {text}" if text else "")
    if status in (401, 403, 407):
        return Denied(problem, hint=f"Set {KEY} to a key of this endpoint")
    if status == 404:
        return NotFound(problem, hint="Check --endpoint and the name of the model")
    if status == 429:
        wait = f" in {retry} s" if retry and retry.isdigit() else " later"
        return Unavailable(problem, hint=f"Run the same command{wait}: answers so far are kept")
    return Unavailable(problem, hint="Run the same command later: answers so far are kept")


def _answer(data: bytes, where: str) -> Answer:
    """Return the answer in a document of the protocol."""
    try:
        fields = json.loads(data)
        choice = fields["choices"][0]
        text = choice["message"]["content"]
    except (ValueError, RecursionError):
        raise FormatError(f"{where}: the answer is not JSON, or cut off") from None
    except (KeyError, IndexError, TypeError):
        raise FormatError(f"{where}: the answer does not contain a message") from None
    if choice.get("finish_reason") == "length":
        raise Unavailable(f"{where}: the answer was longer than allowed, and was cut off")
    if not isinstance(text, str):
        raise FormatError(f"{where}: the message in the answer has no text")
    usage = fields.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    model = fields.get("model")
    return Answer(
        text=text,
        model=model if isinstance(model, str) else "",
        input_tokens=known_count(usage.get("prompt_tokens")),
        output_tokens=known_count(usage.get("completion_tokens")),
        cost_usd=known_cost(usage.get("cost")),
    )
