"""Words, identifiers and characters are found by the terms they are split into."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.search.excerpt import excerpt
from codec.search.question import expression
from codec.search.terms import is_code, question_terms, terms_of


@pytest.mark.parametrize(
    "text", ["readManifest", "read_manifest", "ReadManifest", "pipelines/read-manifest.py"]
)
def test_an_identifier_has_its_parts_as_terms(text: str) -> None:
    assert {"read", "manifest"} <= set(terms_of(text))


def test_all_spellings_of_an_identifier_share_its_whole() -> None:
    wholes = [set(terms_of(text)) for text in ("readManifest", "read_manifest", "READ_MANIFEST")]
    assert set.intersection(*wholes) >= {"readmanifest", "read", "manifest"}


def test_chinese_is_split_into_pairs() -> None:
    assert list(terms_of("登录令牌")) == ["登录", "录令", "令牌"]


def test_accents_do_not_matter() -> None:
    assert list(terms_of("Schlüssel")) == list(terms_of("schlussel"))


def test_common_words_count_only_without_other_words() -> None:
    assert question_terms("why was the token lost") == ["token", "lost"]
    assert question_terms("what is it") == ["what", "is", "it"]


def test_a_question_with_identifiers_looks_like_code() -> None:
    assert all(map(is_code, ("read_manifest", "src/app.py", "useTheme", "KeyRing", "a.b")))
    assert not any(map(is_code, ("a plain question", "Why? Because.", "登录令牌")))


def test_an_excerpt_is_the_sentence_with_most_terms() -> None:
    fields = (("notes", "Nothing here. The token expires hourly! A token."), ("task", "expire"))
    found = excerpt(fields, ["token", "expires"])
    assert found is not None
    assert (found.field, found.text) == ("notes", "The token expires hourly!")
    assert excerpt(fields, ["absent"]) is None


@given(st.text(max_size=60))
def test_no_question_is_a_syntax_error(text: str) -> None:
    with closing(sqlite3.connect(":memory:")) as index:
        index.execute(
            "CREATE VIRTUAL TABLE t USING fts5 (a, detail = column, tokenize = 'porter ascii')"
        )
        terms = question_terms(text)
        for every in (True, False) if terms else ():
            index.execute("SELECT * FROM t WHERE t MATCH ?", (expression(terms, every=every),))
