"""The worker process of a verb: run one function after another, until stdin ends.

1. It ends when the verb is killed, because its stdin ends with the verb.
2. It imports little, and loads its tokenizer while the verb is still starting: that takes half a
   second, in which nothing can be counted.
"""

from __future__ import annotations

import gc
import pickle
import signal
import sys
from typing import TYPE_CHECKING

from codec.errors import CodecError
from pipelines.outcomes.errors import PipelineError

if TYPE_CHECKING:
    from codec.tokens.tokenizers import Counter

_loaded: list[Counter] = []


def count_texts(texts: list[str]) -> list[int]:
    """Return the tokens of each text; call it in the worker only."""
    return _loaded[0].count(texts)


def count_text(text: str) -> int:
    """Return the tokens of one text; call it in the worker only."""
    return count_texts([text])[0]


def load(tokenizer: str) -> None:
    """Load the tokenizer of this process, unless it is loaded."""
    from codec.tokens.tokenizers import counter

    if not _loaded:
        _loaded.append(counter(tokenizer))


def serve(tokenizer: str) -> None:
    """Answer calls until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # its data has no cycles
    load(tokenizer)
    count_text("")  # loads the vocabulary, while the verb is still starting
    while True:
        try:
            function, args, kwargs = pickle.load(sys.stdin.buffer)  # noqa: S301 (sent by the verb)
        except EOFError:
            return
        result, error = None, None
        try:
            result = function(*args, **kwargs)
        except (OSError, CodecError, PipelineError) as e:
            error = e
        pickle.dump((result, error), sys.stdout.buffer)
        sys.stdout.buffer.flush()


def main() -> None:
    """Serve with the tokenizer that the arguments name."""
    serve(sys.argv[1])
