"""Markdown without its marks."""

from offhook.knowledge.reading.blocks import Block
from offhook.knowledge.reading.plain import markdown_blocks, text_blocks


def test_markdown_is_headings_paragraphs_items_and_rows():
    text = (
        "Title\n=====\n\nSome *text* with a [link](http://x.example \"t\")\nand `code`.\n\n## Sub ##\n"
        "- one\n- two\n  more\n1. three\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n***\n"
        "```\n# no heading\n```\nLast_word_here <b>bold</b>\nUnder\n---\n"
    )  # fmt: skip
    assert list(markdown_blocks(text)) == [
        Block("Title", 1), Block("Some text with a link and code."), Block("Sub", 2), Block("one"), Block("two more"),
        Block("three"), Block("a | b"), Block("1 | 2"), Block("# no heading Last_word_here bold"), Block("Under", 2),
    ]  # fmt: skip


def test_plain_text_is_paragraphs_between_empty_lines():
    assert list(text_blocks("a\nb\r\n\r\nc\x00d\n \n\n")) == [Block("a b"), Block("c d")]
