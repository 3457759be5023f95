"""Words as they are found by: without accents, reduced to their stems, the same for passages and questions.

Every word is stemmed as English and as French, since a passage doesn't say which it is written in and a caller may mix
them; words of other languages only lose their accents, and what a stemmer takes off by chance, on both sides alike.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache

import snowballstemmer

_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")
_LONGEST_WORD = 60  # anything longer is no word; a text of one endless word must not grow the index
MAX_QUERY_TERMS = 32
_english, _french = snowballstemmer.stemmer("english"), snowballstemmer.stemmer("french")
_stemming = threading.Lock()  # a stemmer holds the word it works on
# Words that stand in most sentences: they find nothing, and cost the most.
_ENGLISH = frozenset(
    """
    a about all am an and any are as at be been but by can could did do does for from had has have he her his how i if
    in is it its me my no not of on or our out please she should so some that the their them then there they this to up
    us was we were what when where which who whom why will with would you your
    """.split()  # noqa: SIM905 - a list of quoted words would be four times as long
)
_FRENCH = frozenset(
    """
    ai ainsi as au aux avec avez avoir c ce ces cet cette ceux comme comment combien d dans de des donc du elle elles
    en est et etait etre eu fait fais il ils j je l la le les leur leurs lui m ma mais me meme mes moi mon n ne nos
    notre nous on ont ou par pas peut peux plus pour pouvez puis qu quand que quel quelle quelles quels qui quoi s sa
    sans se ses si son sont sur t ta te tes toi ton tu un une vos votre vous y
    """.split()  # noqa: SIM905 - as above
)
_COMMON = _ENGLISH | _FRENCH


def index_terms(text: str) -> str:
    """The terms of a passage, in the order of its words."""
    return " ".join(term for word in _words(text) for term in _terms(word))


def query_terms(text: str) -> list[str]:
    """The terms to look for, each once; common words only when there is nothing else."""
    words = list(_words(text))
    telling = [word for word in words if _folded(word) not in _COMMON] or words
    return list(dict.fromkeys(term for word in telling for term in _terms(word)))[:MAX_QUERY_TERMS]


def english(text: str) -> bool:
    """Whether a question looks like English: by its commonest words, or, with none, by plain letters."""
    words = [_folded(word) for word in _words(text)]
    common = sum(word in _ENGLISH for word in words)
    other = sum(word in _FRENCH for word in words)
    return common > other or (common == other and text.isascii())


def _words(text: str) -> list[str]:
    """The words as written, in small letters; writing without blanks as pairs of signs."""
    words: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        if _UNSPACED.search(word):
            words += _pairs(word)
        else:
            words.append(word[:_LONGEST_WORD])
    return words


def _pairs(run: str) -> list[str]:
    """Writing without blanks: every two neighbouring signs."""
    return [run[at : at + 2] for at in range(max(1, len(run) - 1))]


@lru_cache(maxsize=50_000)  # a language's words in use; stemming one takes 60 µs, finding it here none
def _terms(word: str) -> tuple[str, ...]:
    plain = _folded(word)
    if len(plain) < 3 or not plain.isalpha() or not plain.isascii():
        return (plain,)
    with _stemming:
        # French stems need their accents, which a question may lack: both ways, so that either meets.
        stems = (_english.stemWord(plain), _french.stemWord(plain), _folded(_french.stemWord(word)))
    return tuple(dict.fromkeys(stems))


@lru_cache(maxsize=50_000)
def _folded(word: str) -> str:
    """Without accents and ligatures."""
    parts = unicodedata.normalize("NFKD", word)
    plain = "".join(char for char in parts if not unicodedata.combining(char))
    return plain.replace("œ", "oe").replace("æ", "ae")
