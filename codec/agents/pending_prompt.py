"""The last prompt of a user, which output of a local command may still cancel.

Agents record a slash command like a prompt. If the output of a local command follows, the
command was not for the model.
"""

from __future__ import annotations

from collections.abc import Iterator

from codec.agents.prompts import is_local_output, words_of
from codec.agents.transcript_events import Prompt


class PendingPrompt:
    """A prompt that may still turn out to be a local command."""

    def __init__(self) -> None:
        self._prompt: Prompt | None = None

    def take(self, text: str, time: int) -> Iterator[Prompt]:
        """Yield the pending prompt if another text of the user confirms it.

        Args:
            text: the text.
            time: the time of the text, in milliseconds since 1970.
        """
        if is_local_output(text):
            if self._prompt is not None and self._prompt.fallback:
                self._prompt = None
            return
        words, fallback = words_of(text)
        if words or fallback:
            yield from self.end()
            self._prompt = Prompt(time, words, fallback)

    def end(self) -> Iterator[Prompt]:
        """Yield the pending prompt at the end of the transcript."""
        if self._prompt is not None:
            yield self._prompt
        self._prompt = None
