"""Searching: by words on both databases, by meaning where the model is, and what is said when it isn't."""

import os
from pathlib import Path

import numpy as np
import pytest

from offhook.errors import NotFoundError, ProviderError
from offhook.knowledge.embedding import DIMENSIONS, MODEL
from offhook.knowledge.vectors import Vectors
from offhook.store.knowledge import SourceStatus
from offhook.store.passages import Passages

CHECKOUT = Path(__file__).parents[3]
REAL_MODELS = Path(os.environ.get("OFFHOOK_MODELS_DIR", CHECKOUT / ".models")).expanduser()
RULES = """
# Parking
Leave your vehicle in the garage below the building.
# Opening
We welcome visitors from nine in the morning.
# Payment
Credit cards and cash are accepted.
# Pets
Dogs must be kept on a lead.
"""
FRENCH = """
# Réservations
Toute réservation peut être annulée jusqu'à la veille.
# Œuvres
L'été, les œuvres sont exposées au rez-de-chaussée.
# Horaires
Les réservations de groupe se font le matin.
"""


@pytest.fixture
def with_model(house):
    """The house with the real model."""
    house.knowledge._embedding._models_dir = REAL_MODELS
    return house


async def ready(house, *files):
    await house.knowledge.start()
    for name, content in files:
        source_id = await house.add(name, content)
        assert (await house.settled(source_id)).status is SourceStatus.READY
    return source_id


async def test_words_find_their_other_forms_and_need_no_accents(house):
    await ready(house, ("fr.md", FRENCH))
    veille = "Toute réservation peut être annulée jusqu'à la veille."
    assert (await house.texts("annuler une reservation"))[0] == veille
    assert (await house.texts("Où voir l'oeuvre cet ete ?"))[0].startswith("L'été")
    assert await house.texts("hélicoptère") == []
    assert await house.texts("!?") == []


async def test_a_rare_word_counts_more_than_common_ones(house):
    common = "\n\n".join(f"# Room {n}\nThe room has a bed and a window." for n in range(30))
    await ready(house, ("rooms.md", f"{common}\n\n# Pool\nThe pool has a slide."))
    assert (await house.texts("room with a slide, a bed and a window", limit=3)).count("The pool has a slide.") == 1


async def test_words_are_found_whatever_they_are_to_a_query_language(house):
    await ready(house, ("odd.txt", 'Use "AND" or NOT near* (terms: x) & | ! <-> here'))
    for query in (
        '"',
        "AND",
        "NOT (",
        "terms: x",
        "near*",
        "a & b | !c",
        "x <-> y",
        "base_id : y",
        "'; --",
        "\\",
        "%_",
    ):
        await house.search(query)
    assert len(await house.texts("near terms")) == 1


async def test_headings_count_as_words(house):
    await ready(house, ("rules.md", RULES))
    assert (await house.texts("pets"))[0] == "Dogs must be kept on a lead."


async def test_writing_without_blanks_is_found(house):
    await ready(house, ("ja.md", "# 一\n予約の確認は電話でお願いします。\n# 二\n駐車場は地下にあります。"))
    assert (await house.texts("駐車場はどこですか")) == ["駐車場は地下にあります。"]


async def test_several_bases_are_searched_as_one_and_unknown_ones_are_none(house):
    await ready(house, ("rules.md", RULES))
    other = house.knowledge.bases.create(house.organization_id, "Other").id
    found = await house.knowledge.search(house.organization_id, [other, house.base_id], "garage")
    assert [hit.passage.base_id for hit in found.hits] == [house.base_id]
    assert (await house.knowledge.search(house.organization_id, [other], "garage")).hits == ()
    with pytest.raises(NotFoundError):
        await house.knowledge.search("another-organization", [house.base_id], "garage")


async def test_meaning_finds_what_words_do_not(with_model):
    house = with_model
    await ready(house, ("rules.md", RULES))
    found = await house.search("Where can I put my car?", question_limit_s=60)
    assert found.lexical_because is None
    assert found.hits[0].passage.text == "Leave your vehicle in the garage below the building."
    assert found.hits[0].similarity > 0.3
    assert (await house.texts("When do you open?"))[0] == "We welcome visitors from nine in the morning."
    assert (await house.texts("Who won the world cup in 1998?")) == []


async def test_a_question_in_another_language_is_looked_for_by_words_and_says_so(with_model):
    house = with_model
    await ready(house, ("fr.md", FRENCH))
    found = await house.search("Comment annuler ma réservation ?")
    assert "isn't in English" in found.lexical_because
    assert found.hits[0].passage.text == "Toute réservation peut être annulée jusqu'à la veille."


async def test_a_model_too_late_or_broken_leaves_the_words(with_model, monkeypatch):
    house = with_model
    await ready(house, ("rules.md", RULES))
    found = await house.search("Are dogs allowed?", question_limit_s=0)
    assert found.lexical_because == "the model did not answer in time"
    assert found.hits[0].passage.text == "Dogs must be kept on a lead."

    def broken(*_arguments):
        raise ProviderError("the embedder is behind")

    monkeypatch.setattr(house.knowledge._embedding._questions, "submit", broken)
    assert (await house.texts("Are dogs allowed?"))[0] == "Dogs must be kept on a lead."


async def test_sources_read_without_the_model_get_their_vectors_when_it_is_there(house):
    source_id = await ready(house, ("rules.md", RULES))
    assert house.source(source_id).embedded_by is None
    found = await house.search("Where can I put my car?")
    assert "offhook models fetch minilm" in found.lexical_because
    await house.knowledge.close()
    later = house.another()
    later.knowledge._embedding._models_dir = REAL_MODELS
    try:
        await later.knowledge._ingestion.want_vectors()
        assert await later.knowledge._ingestion.work_once() is True
        assert house.source(source_id).embedded_by == MODEL
        assert house.source(source_id).status is SourceStatus.READY
        found = await later.search("Where can I put my car?", question_limit_s=60)
        assert found.hits[0].passage.text == "Leave your vehicle in the garage below the building."
        assert found.lexical_because is None
        await later.knowledge._ingestion.want_vectors()
        assert await later.knowledge._ingestion.work_once() is False
    finally:
        await later.knowledge.close()


class Rows:
    """Stands for the database: vectors of bases, and how often each was read."""

    def __init__(self, **bases):
        self.bases, self.reads = bases, []

    def vectors(self, base_id, model):
        assert model == MODEL
        self.reads.append(base_id)
        for passage_id, vector in self.bases[base_id].items():
            yield [passage_id], [vector.astype("<f4").tobytes()]


def unit(*values):
    vector = np.zeros(DIMENSIONS)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def test_the_nearest_of_all_bases_come_first_and_far_ones_not_at_all():
    rows = Rows(a={1: unit(1), 2: unit(0, 1)}, b={3: unit(1, 1), 4: unit(-1)}, empty={})
    nearest = Vectors(rows).nearest({"a": 1, "b": 1, "empty": 1}, unit(1, 0.1).astype("<f4").tobytes(), 2, 0.2)
    assert [each for each, _ in nearest] == [1, 3]
    assert nearest[0][1] == pytest.approx(0.995, abs=0.001)


def test_a_base_is_read_again_when_it_changed_and_only_then():
    rows = Rows(a={1: unit(1)})
    vectors, question = Vectors(rows), unit(1).astype("<f4").tobytes()
    for revision in (1, 1, 2, 2):
        vectors.nearest({"a": revision}, question, 5, 0.2)
    assert rows.reads == ["a", "a"]


def test_the_base_asked_longest_ago_gives_way():
    rows = Rows(a={1: unit(1)}, b={2: unit(1)}, c={3: unit(1)})
    vectors, question = Vectors(rows, max_bytes=2 * DIMENSIONS * 4), unit(1).astype("<f4").tobytes()
    for base in "abacab":
        vectors.nearest({base: 1}, question, 5, 0.2)
    assert rows.reads == ["a", "b", "c", "b"]


def test_vectors_come_from_the_database_as_they_went_in(house):
    assert list(Passages(house.database).vectors(house.base_id, MODEL)) == []
