"""Words are cut alike in texts and searches, in any language, and never more than a database keeps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.store.search import MAX_TEXT_BYTES, Phrase, fts5, parse, tsquery, tsvector, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("Hello, World!", ["hello", "world"]),
        ("Hélène O'Brien", ["helene", "o", "brien"]),
        ("10:30 a_b", ["10", "30", "a", "b"]),
        ("Straße ﬁne", ["strasse", "fine"]),
        ("漢字 text", ["漢", "字", "text"]),
        ("한국어", ["한국어"]),
        ("x" * 100, ["x" * 60]),
    ],
)
def test_a_text_is_cut_into_words(text, found):
    assert words(text) == found


def test_a_long_text_ends_where_the_databases_do():
    found = words("word " * 200_000)
    assert sum(len(word) + 1 for word in found) <= MAX_TEXT_BYTES
    # PostgreSQL: each word with its length's padding and, for each place, two bytes; a megabyte in all.
    short = words(" ".join(chr(0x4E00 + number % 20_000) + chr(97 + number % 26) for number in range(300_000)))
    assert sum(len(part.encode()) + 2 for part in tsvector(short).replace("'", "").split(" ")) < 2**20


def test_a_search_is_words_phrases_and_beginnings():
    phrases = parse('Monday "at TEN" appoint* o\'brien')
    assert phrases == [
        Phrase(("monday",)),
        Phrase(("at", "ten")),
        Phrase(("appoint",), prefix=True),
        Phrase(("o", "brien")),
    ]
    assert tsquery(phrases) == "('monday') & ('at' <-> 'ten') & ('appoint':*) & ('o' <-> 'brien')"
    assert fts5(phrases) == '"monday" "at ten" "appoint"* "o brien"'


@given(st.text())
def test_any_text_can_be_looked_for_and_what_is_said_is_found_by_itself(text):
    phrases = parse(text)
    assert [word for phrase in phrases for word in phrase.words] == words(text)[: sum(len(p.words) for p in phrases)]
    assert all(word.isalnum() for word in words(text))
