"""Text that is shown hides nothing: format characters are gone, all others are kept."""

from __future__ import annotations

import sys
import unicodedata

from codec.shown_text import counted, shown


def test_every_format_character_is_removed_and_no_other_is() -> None:
    for code in range(sys.maxunicode + 1):
        c = chr(code)
        is_format = unicodedata.category(c) == "Cf" or 0xE0000 <= code <= 0xE007F
        # Later versions of Unicode may assign more of the blocks that are removed whole.
        if is_format or unicodedata.category(c) != "Cn":
            assert (shown(f"a{c}b") == "ab") == is_format, hex(code)


def test_text_in_other_scripts_and_its_accents_are_kept() -> None:
    text = "Grüße, 日本語, עברית, e\u0301, 👍\n\t"
    assert shown(text) == text


def test_only_a_count_of_one_has_a_noun_in_the_singular() -> None:
    assert [counted(n, "loose diff") for n in (0, 1, 1234)] == [
        "0 loose diffs",
        "1 loose diff",
        "1,234 loose diffs",
    ]
    assert counted(1, "repository", "repositories") == "1 repository"
    assert counted(2, "repository", "repositories") == "2 repositories"
