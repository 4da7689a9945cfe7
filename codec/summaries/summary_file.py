"""`.session-codec/summaries/PERIOD.json`: the checked claims of a model about a period.

1. A file is one JSON document with one claim on a line, so that diffs are readable.
2. A claim cites a session by key and identity: a merge can give the key to another session.
3. `input` is the hash of everything that was asked. If it has not changed, nothing is sent again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple

from codec.errors import FormatError
from codec.kinds import Key
from codec.manifest.fields import read_count, read_counts, read_key, read_text, require
from codec.names import one_line
from codec.periods import read_period
from codec.summaries.claims import VERIFIER_VERSION
from codec.summaries.prompt import PROMPT_VERSION

FORMAT: Final = 1
#: The largest file that is read, in bytes: it may come from a clone.
SIZE_LIMIT: Final = 1 << 20
_DIGEST: Final = 16


class Cited(NamedTuple):
    """A session that a claim cites: its key, and the first digits of its identity."""

    key: Key
    digest: str


class Statement(NamedTuple):
    """A claim that passed, on one line, and the sessions that it cites."""

    text: str
    cited: tuple[Cited, ...]


class Summary(NamedTuple):
    """A summary of a period by a model.

    Attributes:
        period: the name of the period.
        input: SHA-256, in hex, of the question (`input_hash`).
        model: the model as the user named it.
        answered: the model as it named itself; empty if it did not.
        made: when the summary was made, in UTC.
        sessions: the number of sessions in the period, without private ones.
        cut: the number of lines that were cut.
        sent: tokens of the question, counted with o200k_base before it was sent.
        input_tokens, output_tokens: tokens as the model reported them; None if it did not.
        cost_usd: the cost as the model reported it; None if it did not.
        dropped: the number of dropped claims, by the kind of unsupported part.
        claims: the claims that passed, in the order of the model.
    """

    period: str
    input: str
    model: str
    answered: str
    made: str
    sessions: int
    cut: int
    sent: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    dropped: Mapping[str, int]
    claims: tuple[Statement, ...]


def digest_of(identity: str) -> str:
    """Return the first digits of a session's identity, as claims cite it."""
    return identity[:_DIGEST]


def input_hash(model: str, question: str, digests: Collection[str]) -> str:
    """Return the hash of everything that a summary depends on.

    Args:
        model: the model as the user named it.
        question: the text that is sent.
        digests: the digests of the sessions, in their order.
    """
    versions = [FORMAT, PROMPT_VERSION, VERIFIER_VERSION]
    content = json.dumps([versions, model, question, list(digests)])
    return hashlib.sha256(content.encode()).hexdigest()


def encode_summary(summary: Summary) -> bytes:
    """Return the bytes of a summary's file; `decode_summary` returns the same summary."""
    fields = {"format": FORMAT, **summary._asdict()}
    claims = [
        {"text": c.text, "sessions": [[s.key, s.digest] for s in c.cited]}
        for c in fields.pop("claims")
    ]
    head = json.dumps(fields, indent=1, ensure_ascii=False).removesuffix("\n}")
    lines = ",\n".join(f"  {json.dumps(claim, ensure_ascii=False)}" for claim in claims)
    return f'{head},\n "claims": [\n{lines}\n ]\n}}\n'.encode(errors="replace")


def decode_summary(data: bytes) -> Summary:
    """Return the summary in a file.

    Raises:
        FormatError: it is not a summary, or has a later format.
    """
    if len(data) > SIZE_LIMIT:
        raise FormatError(f"has {len(data):,} bytes; a summary has {SIZE_LIMIT:,} at most")
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as e:
        raise FormatError(f"not JSON: {e}") from None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise FormatError(f"not a summary of format {FORMAT}")
    try:
        return _decode(fields)
    except KeyError as e:
        raise FormatError("is missing", field=str(e.args[0])) from None


def two_lines(summary: Summary, count: Callable[[str], int], limit: int) -> str:
    """Return a summary as two lines; empty if not even its first claim fits.

    Args:
        summary: the summary to show.
        count: counts tokens.
        limit: the most tokens of the lines.
    """
    head = f"summary of {summary.period} by {summary.model}, {summary.made[:10]}:\n"
    text = ""
    for number in range(1, len(summary.claims) + 1):
        line = " ".join(claim.text for claim in summary.claims[:number])
        if count(f"{head}{line}\n") > limit:
            break
        text = f"{head}{line}\n"
    return text


def without_sessions(summary: Summary, digests: Collection[str]) -> Summary:
    """Return a summary without the claims that cite one of the given sessions."""
    kept = tuple(c for c in summary.claims if not any(s.digest in digests for s in c.cited))
    return summary._replace(claims=kept)


def _decode(fields: dict[str, Any]) -> Summary:
    period, digest = read_text(fields, "period"), read_text(fields, "input")
    read_period(period)
    claims = fields["claims"]
    require(isinstance(claims, list), "claims", claims)
    cost = fields["cost_usd"]
    require(cost is None or type(cost) in (int, float), "cost_usd", cost)
    return Summary(
        period=period,
        input=digest,
        model=read_text(fields, "model"),
        answered=read_text(fields, "answered"),
        made=read_text(fields, "made"),
        sessions=read_count(fields, "sessions"),
        cut=read_count(fields, "cut"),
        sent=read_count(fields, "sent"),
        input_tokens=_known(fields, "input_tokens"),
        output_tokens=_known(fields, "output_tokens"),
        cost_usd=cost,
        dropped=read_counts(fields, "dropped"),
        claims=tuple(map(_statement, claims)),
    )


def _known(fields: Mapping[str, Any], name: str) -> int | None:
    return None if fields[name] is None else read_count(fields, name)


def _statement(fields: Any) -> Statement:
    require(isinstance(fields, dict), "claims", fields)
    text, cited = read_text(fields, "text"), fields["sessions"]
    require(text == one_line(text), "text", text)
    require(isinstance(cited, list) and bool(cited), "sessions", cited)
    return Statement(text, tuple(map(_cited, cited)))


def _cited(pair: Any) -> Cited:
    is_pair = isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], str)
    require(is_pair and len(pair[1]) == _DIGEST, "sessions", pair)
    return Cited(read_key(pair[0]), pair[1])
