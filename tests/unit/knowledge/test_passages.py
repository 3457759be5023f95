"""Text is cut where its author cut it, and into pieces that can be understood alone."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from offhook.knowledge.reading.blocks import Block
from offhook.knowledge.reading.passages import OVERLAP_TOKENS, TARGET_TOKENS, passages, tokens_in

SENTENCE = "The desk on the second floor gives out visitor badges until six. "


def cut(*blocks):
    return [(each.headings, each.text) for each in passages(blocks)]


def test_each_section_is_a_passage_under_its_path_of_headings():
    blocks = [
        Block("Before"), Block("House", 1), Block("Rooms", 2), Block("Beds"), Block("Sheets"), Block("Pool", 2),
        Block("Water"), Block("Garden", 1), Block("Trees"),
    ]  # fmt: skip
    assert cut(*blocks) == [
        ("", "Before"), ("House › Rooms", "Beds\nSheets"), ("House › Pool", "Water"), ("Garden", "Trees"),
    ]  # fmt: skip


def test_a_heading_with_nothing_under_it_is_a_passage_itself():
    assert cut(Block("Closed on Mondays", 2), Block("Open on Tuesdays", 2)) == [
        ("Closed on Mondays", "Closed on Mondays"), ("Open on Tuesdays", "Open on Tuesdays"),
    ]  # fmt: skip


def test_a_skipped_level_leaves_no_wrong_parent():
    assert cut(Block("A", 1), Block("B", 3), Block("b"), Block("C", 2), Block("c")) == [("A › B", "b"), ("A › C", "c")]


def test_a_long_section_is_cut_between_sentences_and_overlaps():
    found = [each.text for each in passages([Block(SENTENCE * 60)])]
    assert len(found) > 3
    for text in found:
        assert tokens_in(text) <= TARGET_TOKENS
        assert text.startswith("The desk")
        assert text.endswith("six.")
    for before, after in pairwise(found):
        assert before.endswith(after[: len(SENTENCE) - 1])


def test_a_passage_has_the_page_it_begins_on():
    blocks = [Block(SENTENCE * 20, 0, 1), Block(SENTENCE * 20, 0, 2)]
    pages = [each.page for each in passages(blocks)]
    assert pages == sorted(pages)
    assert set(pages) == {1, 2}


def test_what_has_no_sentences_is_cut_all_the_same():
    found = list(passages([Block("word " * 3000), Block("x" * 20_000), Block("予約" * 2000)]))
    assert all(tokens_in(each.text) <= TARGET_TOKENS + OVERLAP_TOKENS for each in found)
    assert sum(each.text.count("x") for each in found) == 20_000


@given(st.lists(st.tuples(st.text(max_size=2000), st.integers(0, 6)), max_size=8))
def test_no_word_is_lost_and_no_passage_is_empty(pairs):
    blocks = [Block(text.strip(), level) for text, level in pairs if text.strip()]
    found = list(passages(blocks))
    assert [each.position for each in found] == list(range(len(found)))
    assert all(each.text.strip() for each in found)
    whole = "".join("".join(each.text.split()) for each in found)
    for block in blocks:
        if block.level == 0:
            for word in block.text.split():
                assert word in whole or len(word) > 100
