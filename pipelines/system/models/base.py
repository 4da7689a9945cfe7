"""The interface to language models for summaries: one question, one answer, no conversation.

A model is asked once. Adapters do not retry, follow redirects or keep sessions: a question is sent
once, and every failure is one error.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

#: The environment variable of the key: never an option, because process lists would show it.
KEY: Final = "SESSION_CODEC_MODEL_KEY"
#: The largest answer in bytes.
ANSWER_LIMIT: Final = 4 << 20


class Answer(NamedTuple):
    """The answer of a model.

    Attributes:
        text: the text of the answer.
        model: the name that the model states for itself; empty without one.
        input_tokens, output_tokens, cost_usd: the values that it reports; None if it does not.
    """

    text: str
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


class Model(Protocol):
    """A language model.

    Attributes:
        name: the name, as the user named it.
        place: the address or program that gets the questions, for the user.
    """

    @property
    def name(self) -> str: ...

    @property
    def place(self) -> str: ...

    def ask(self, question: str) -> Answer:
        """Send a question, once, and return the answer.

        Raises:
            Denied: the model denies access to this user.
            NotFound: there is no such model or program.
            Unavailable: there was no complete answer in time.
            FormatError: the answer does not follow the protocol.
        """
        ...


def known_count(value: object) -> int | None:
    """Return a number of tokens that a model reports; None if it is not a number."""
    return value if type(value) is int and 0 <= value < 10**12 else None


def known_cost(value: object) -> float | None:
    """Return a cost that a model reports; None if it is not a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return round(float(value), 6) if is_number and 0 <= value < 10**6 else None  # type: ignore[arg-type,operator]
