"""Whatever an endpoint does, there is one answer or one error, and the question was sent once."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Final

import pytest

from codec.errors import CodecError, FormatError
from codec.summaries.prompt import SCHEMA
from pipelines.outcomes.errors import Denied, NotFound, PipelineError, Unavailable
from pipelines.system.models.endpoint import Endpoint
from tests.support.model_server import Answers, Call, ModelServer, message

HONEST: Final = message('{"claims": []}')


def endpoint(server: ModelServer, *, key: str = "", seconds: float = 20.0) -> Endpoint:
    return Endpoint(server.url, "fake", key=key, seconds=seconds, answer_tokens=500, schema=SCHEMA)


def redirect(call: Call) -> None:
    call.send(307, b"", Location="http://127.0.0.1:9/elsewhere")


def test_an_answer_has_its_text_and_its_usage() -> None:
    with ModelServer(lambda call: call.send(200, HONEST)) as server:
        answer = endpoint(server, key="k-1").ask("Hello")
    assert (answer.text, answer.model) == ('{"claims": []}', "fake-1")
    assert (answer.input_tokens, answer.output_tokens, answer.cost_usd) == (100, 20, None)
    (call,) = server.calls
    assert call.path == "/v1/chat/completions"
    assert call.question == "Hello"
    assert call.headers["Authorization"] == "Bearer k-1"
    assert call.body["stream"] is False
    assert call.body["max_tokens"] == 500
    assert call.body["response_format"]["json_schema"]["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda call: call.send(401, b"{}"), Denied),
        (lambda call: call.send(404, b"{}"), NotFound),
        (lambda call: call.send(429, b"{}", **{"Retry-After": "7"}), Unavailable),
        (lambda call: call.send(500, b"oh"), Unavailable),
        (redirect, Unavailable),
        (lambda call: call.send(200, HONEST[:-9]), FormatError),
        (lambda call: call.send(200, HONEST[:-9], length="99999"), FormatError),
        (lambda call: call.send(200, HONEST, "text/html"), FormatError),
        (lambda call: call.send(200, b"data: {}\n\n", "text/event-stream"), FormatError),
        (lambda call: call.send(200, b"[]"), FormatError),
        (lambda call: call.send(200, b'{"choices": [{"message": {}}]}'), FormatError),
        (lambda call: call.send(200, b"[" * 200_000), FormatError),
        (lambda call: call.send_endless(), Unavailable),
    ],
    ids=["401", "404", "429", "500", "redirect", "cut", "short", "html", "stream", "list", "null",
         "deep", "endless"],
)  # fmt: skip
def test_a_fault_is_one_error_and_nothing_is_sent_twice(
    answer: Answers, error: type[Exception]
) -> None:
    with ModelServer(answer) as server:
        with pytest.raises(error) as raised:
            endpoint(server, key="k-secret").ask("Hello")
        assert len(server.calls) == 1
    assert isinstance(raised.value, CodecError | PipelineError)
    assert "k-secret" not in str(raised.value)


def test_an_answer_that_does_not_come_is_given_up() -> None:
    with ModelServer(lambda call: call.wait_for_close()) as server:
        with pytest.raises(Unavailable, match=r"within 0\.5 seconds"):
            endpoint(server, seconds=0.5).ask("Hello")
        assert len(server.calls) == 1


def test_a_redirect_leads_nowhere() -> None:
    with ModelServer(lambda call: call.send(200, HONEST)) as other:

        def answer(call: Call) -> None:
            call.send(302, b"", Location=f"{other.url}/chat/completions")

        with ModelServer(answer) as server, pytest.raises(Unavailable, match="redirects to"):
            endpoint(server, key="k-1").ask("Hello")
        assert other.calls == []


def test_an_answer_that_was_cut_at_the_limit_is_an_error() -> None:
    cut = json.loads(HONEST)
    cut["choices"][0]["finish_reason"] = "length"
    data = json.dumps(cut).encode()
    with (
        ModelServer(lambda call: call.send(200, data)) as server,
        pytest.raises(Unavailable, match="longer than allowed"),
    ):
        endpoint(server).ask("Hello")


def test_a_key_is_not_sent_in_the_clear_to_another_machine() -> None:
    with pytest.raises(Denied, match="without encryption"):
        Endpoint(
            "http://models.example/v1", "m", key="k", seconds=1, answer_tokens=1, schema=SCHEMA
        )


def test_an_endpoint_where_nothing_listens_is_unavailable() -> None:
    with ModelServer(lambda call: None) as server:
        url = server.url
    with pytest.raises(Unavailable):
        Endpoint(url, "m", key="", seconds=5, answer_tokens=1, schema=SCHEMA).ask("Hello")


KEY: Final = "k-s3cret/+value="
#: A server can repeat the key in any of these forms, also where a shown text would be cut.
REPEATED: Final = [
    KEY, KEY.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D"), f"{'x' * 195}{KEY}",
    base64.b64encode(KEY.encode()).decode(), f"\x1b[31m{KEY}\u202e",
]  # fmt: skip


@pytest.mark.parametrize("status", [400, 401, 403, 407, 429, 500])
@pytest.mark.parametrize("text", REPEATED)
def test_a_key_that_a_server_repeats_is_not_shown(status: int, text: str) -> None:
    with ModelServer(lambda call: call.send(status, f"denied: {text}".encode())) as server:
        with pytest.raises(PipelineError) as raised:
            endpoint(server, key=KEY).ask("Hello")
        assert len(server.calls) == 1
    shown = f"{raised.value} {raised.value.hint}"
    assert not any(part in shown for part in ("s3cret", "ay1zM2", "\x1b", "\u202e"))


@pytest.mark.parametrize("key", ["k\n", "k\r\nX: y", "a b", "k\u00e9", "k\u2028", "k\x00"])
def test_a_key_that_no_header_can_have_is_refused_without_being_shown(key: str) -> None:
    with ModelServer(lambda call: call.send(200, HONEST)) as server:
        with pytest.raises(Denied) as raised:
            endpoint(server, key=f"s3cret{key}")
        assert server.calls == []
    assert "s3cret" not in str(raised.value)


OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
RAW: Final = {
    "close at once": b"",
    "close in the status": b"HTTP/1.",
    "no http": b"SSH-2.0-x\r\n",
    "close in the head": OK,
    "close in the body": OK + b"Content-Length: 999\r\n\r\n{",
    "http/1.0 cut": b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + HONEST[:-9],
    "chunk cut": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    "chunk size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "long head line": OK + b"X: " + b"x" * (1 << 17) + b"\r\n\r\n{}",
    "many heads": OK + b"X: y\r\n" * 500 + b"\r\n{}",
    "gzip": OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b" " * (1 << 20)),
    "not utf-8": OK + b"\r\n" + HONEST.replace(b"fake", b"\xff\xfe"),
    "nothing": OK + b"Content-Length: 0\r\n\r\n",
    "digits": OK + b"\r\n" + b"9" * 10_000,
    "one long line": OK + b"\r\n" + b'{"x": "' + b"y" * (5 << 20),
    "no choices": OK + b'\r\n{"choices": []}',
    "parts": OK + b'\r\n{"choices": [{"message": {"content": [{"text": "x"}]}}]}',
    "location": b"HTTP/1.1 302 Found\r\nLocation: http://[::1/\r\nContent-Length: 0\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "206": b"HTTP/1.1 206 Partial\r\nContent-Type: application/json\r\n\r\n" + HONEST,
}  # fmt: skip


@pytest.mark.parametrize("fault", RAW)
def test_broken_http_is_one_error_and_nothing_is_sent_twice(fault: str) -> None:
    with ModelServer(lambda call: call.send_raw(RAW[fault])) as server:
        with pytest.raises((CodecError, PipelineError)) as raised:
            endpoint(server, key=KEY).ask("Hello")
        assert len(server.calls) == 1
    assert "s3cret" not in str(raised.value)


def test_chunks_without_end_are_given_up_at_the_limit() -> None:
    with ModelServer(lambda call: call.send_endless(chunked=True)) as server:
        with pytest.raises(Unavailable, match="more than"):
            endpoint(server).ask("Hello")
        assert len(server.calls) == 1


def test_a_slow_answer_is_given_up_however_many_bytes_arrive() -> None:
    with ModelServer(lambda call: call.send_drops()) as server:
        with pytest.raises(Unavailable, match=r"within 0\.5 seconds"):
            endpoint(server, seconds=0.5).ask("Hello")
        assert len(server.calls) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + HONEST,
        HONEST.replace(b'"usage": {', b'"usage": {"cost": NaN, '),
        HONEST.replace(b'"usage": {', b'"usage": {"cost": 1e999, '),
        HONEST.replace(b'"usage": {', b'"usage": {"cost": true, '),
    ],
    ids=["bom", "NaN", "infinity", "true"],
)
def test_an_odd_answer_is_read_without_what_is_not_a_number(data: bytes) -> None:
    with ModelServer(lambda call: call.send(200, data)) as server:
        answer = endpoint(server).ask("Hello")
    assert (answer.text, answer.cost_usd) == ('{"claims": []}', None)


@pytest.mark.parametrize("host", [f"{'a' * 70}.example", "no-such-host.invalid", "\u00e9.invalid"])
def test_a_host_without_an_address_is_unavailable(host: str) -> None:
    model = Endpoint(f"https://{host}/v1", "m", key=KEY, seconds=5, answer_tokens=1, schema=SCHEMA)
    with pytest.raises(Unavailable) as raised:
        model.ask("Hello")
    assert "s3cret" not in str(raised.value)


def test_a_path_with_other_characters_is_encoded() -> None:
    with ModelServer(lambda call: call.send(200, HONEST)) as server:
        url = f"{server.url}/\u00e9 x"
        Endpoint(url, "m", key="", seconds=5, answer_tokens=1, schema=SCHEMA).ask("Hello")
        assert server.calls[0].path == "/v1/%C3%A9%20x/chat/completions"


def test_a_proxy_in_the_environment_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with ModelServer(lambda call: call.send(200, HONEST)) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        with ModelServer(lambda call: call.send(200, HONEST)) as server:
            endpoint(server).ask("Hello")
            assert len(server.calls) == 1
        assert proxy.calls == []
