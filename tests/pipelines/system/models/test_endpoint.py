"""Whatever an endpoint does, there is one answer or one error, and the question was sent once."""

from __future__ import annotations

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
