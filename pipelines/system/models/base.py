"""What summaries ask of a language model: one question, one answer, no conversation.

A model is asked once. No adapter retries, follows a redirect or keeps a session: what was sent is
sent once, and every failure is one error.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

#: Bytes that an answer may have, whatever the model is asked for.
ANSWER_LIMIT: Final = 4 << 20


class Answer(NamedTuple):
    """What a model answered.

    Attributes:
        text: of the answer.
        model: as the model names itself; empty if it does not.
        input_tokens, output_tokens, cost_usd: as it reports them; None if it does not.
    """

    text: str
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


class Model(Protocol):
    """A language model.

    Attributes:
        name: as the user named it.
        place: where questions go, for the user.
    """

    @property
    def name(self) -> str: ...

    @property
    def place(self) -> str: ...

    def ask(self, question: str) -> Answer:
        """Send a question, once, and return the answer.

        Raises:
            Denied: the model refuses this user.
            NotFound: there is no such model or program.
            Unavailable: there was no answer in time, or not a whole one.
            FormatError: the answer is not of the protocol.
        """
        ...


def known_count(value: object) -> int | None:
    """Return a number of tokens that a model reports; None for anything else."""
    return value if type(value) is int and 0 <= value < 10**12 else None


def known_cost(value: object) -> float | None:
    """Return a cost that a model reports; None for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return round(float(value), 6) if is_number and 0 <= value < 10**6 else None  # type: ignore[arg-type,operator]
