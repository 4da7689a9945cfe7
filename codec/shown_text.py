"""Text as it is shown to people and agents: without characters that only change how it looks.

Bidirectional controls and zero-width characters (Unicode category Cf, and the tags of plane 14) can
hide an instruction or show another text than is there. Files keep them, byte for byte.
"""

from __future__ import annotations

import re
from typing import Final

#: Category Cf of Unicode 15.0; the whole block of tags, assigned or not.
_FORMAT: Final = (
    r"[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)


def shown(text: str) -> str:
    """Return a text without format characters."""
    # Compiled when needed: most texts are ASCII, and starting must stay cheap.
    return text if text.isascii() else re.sub(_FORMAT, "", text)
