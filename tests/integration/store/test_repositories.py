"""Organizations, keys, agents, numbers and trunks as they are kept."""

import threading
from decimal import Decimal

import pytest

from offhook.errors import ConflictError, NotFoundError
from offhook.record.cost import PriceList
from offhook.store.agents import Agents
from offhook.store.bootstrap import bootstrap
from offhook.store.idempotency import KEPT_US, FirstAnswer, IdempotencyKeys
from offhook.store.keys import ApiKeys, Scope
from offhook.store.numbers import PhoneNumbers
from offhook.store.organizations import Organizations
from offhook.store.sealing import Sealer
from offhook.store.tables import metadata
from offhook.store.trunks import Trunks

CONFIGURATION = {"name": "Desk", "language": "en", "webhook_url": "https://example.com/hook"}


@pytest.fixture
def owner(database):
    return Organizations(database).create("Ours").id


@pytest.fixture
def stranger(database):
    return Organizations(database).create("Theirs").id


def test_the_first_start_makes_one_organization_and_shows_one_key_once(database):
    first, second = bootstrap(database), bootstrap(database)
    assert first.organization == second.organization
    assert second.api_key is None
    (key,) = ApiKeys(database).all(first.organization.id)
    assert key.scopes == (Scope.ADMIN,)
    assert first.api_key.startswith(key.prefix)
    assert key.prefix.startswith("ok_live_")


def test_a_price_list_is_kept_to_the_last_digit(database, owner):
    organizations = Organizations(database)
    prices = PriceList(llm_input_token=Decimal("0.000000000123"))
    organizations.set_prices(owner, prices)
    assert organizations.get(owner).prices == prices
    with pytest.raises(NotFoundError):
        organizations.get("nobody")


def test_a_key_is_nowhere_in_the_database(database, owner, rows):
    _, secret = ApiKeys(database).create(owner, "k")
    dump = "\n".join(str(row) for table in metadata.tables for row in rows(f"SELECT * FROM {table}"))
    assert owner in dump
    assert secret not in dump
    assert secret[8:] not in dump


def test_a_key_is_revoked_once_and_by_its_owner(database, owner, stranger):
    keys = ApiKeys(database)
    key, _ = keys.create(owner, "k")
    with pytest.raises(NotFoundError):
        keys.revoke(stranger, key.id)
    at = keys.revoke(owner, key.id).revoked_us
    assert keys.revoke(owner, key.id).revoked_us == at
    keys.touch({key.id: 5})
    assert keys.all(owner)[0].last_used_us == 5


def test_a_draft_is_changed_in_place_until_it_is_deployed(database, owner):
    agents = Agents(database)
    agent = agents.create(owner, CONFIGURATION)
    assert agent.published_version is None
    with pytest.raises(NotFoundError, match="deploy"):
        agents.version(owner, agent.id)
    first = agents.latest(owner, agent.id)
    changed = agents.save_draft(owner, agent.id, {**CONFIGURATION, "language": "fr"})
    assert (changed.version, changed.configuration["language"]) == (1, "fr")
    assert changed.configuration_id != first.configuration_id
    assert agents.deploy(owner, agent.id).active
    second = agents.save_draft(owner, agent.id, {**CONFIGURATION, "language": "de"})
    assert (second.version, second.active) == (2, False)
    assert agents.version(owner, agent.id).configuration["language"] == "fr"


def test_deploying_an_old_number_rolls_back(database, owner):
    agents = Agents(database)
    agent = agents.create(owner, CONFIGURATION, deploy=True)
    agents.save_draft(owner, agent.id, {**CONFIGURATION, "language": "fr"})
    agents.deploy(owner, agent.id, 2)
    assert agents.deploy(owner, agent.id, 1).active
    assert [(each.version, each.active) for each in agents.versions(owner, agent.id)] == [(2, False), (1, True)]
    with pytest.raises(NotFoundError):
        agents.deploy(owner, agent.id, 9)


def test_global_settings_apply_at_once_to_every_version(database, owner):
    agents = Agents(database)
    agent = agents.create(owner, CONFIGURATION, deploy=True)
    agents.set_globals(owner, agent.id, {"webhook_url": None, "name": "Front"})
    configuration = agents.version(owner, agent.id).configuration
    assert (configuration["webhook_url"], configuration["name"]) == (None, "Front")
    assert agents.by_name(owner, "Front").id == agent.id
    assert agents.by_name(owner, "Desk") is None


def test_revisions_at_once_are_all_kept(database, owner):
    agents = Agents(database)
    agent = agents.create(owner, {"name": "a", "words": []})

    def add(word):
        agents.revise(owner, agent.id, lambda before: {**before, "words": [*before["words"], word]})

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(agents.latest(owner, agent.id).configuration["words"]) == list(range(8))


def test_the_list_has_each_agents_newest_version(database, owner, stranger):
    agents = Agents(database)
    one, two = agents.create(owner, CONFIGURATION, deploy=True), agents.create(owner, {"name": "Two"})
    agents.save_draft(owner, one.id, {**CONFIGURATION, "language": "fr"})
    agents.create(stranger, CONFIGURATION)
    newest = agents.newest_versions(owner)
    assert {agent_id: (each.version, each.active) for agent_id, each in newest.items()} == {
        one.id: (2, False),
        two.id: (1, False),
    }
    assert newest[one.id].configuration["language"] == "fr"
    assert [agent.id for agent in agents.all(owner)] == [two.id, one.id]


def test_a_deleted_agent_answers_no_number_and_is_gone(database, owner):
    agents, numbers = Agents(database), PhoneNumbers(database)
    agent = agents.create(owner, CONFIGURATION, deploy=True)
    number = numbers.create(owner, "+331", inbound_agent_id=agent.id)
    agents.delete(owner, agent.id)
    assert numbers.get(owner, number.id).inbound_agent_id is None
    assert agents.all(owner) == []
    with pytest.raises(NotFoundError):
        agents.version(owner, agent.id)


def test_nothing_of_an_agent_is_for_strangers(database, owner, stranger):
    agents = Agents(database)
    agent = agents.create(owner, CONFIGURATION, deploy=True)
    for forbidden in (
        lambda: agents.get(stranger, agent.id),
        lambda: agents.version(stranger, agent.id),
        lambda: agents.versions(stranger, agent.id),
        lambda: agents.set_globals(stranger, agent.id, {"name": "mine"}),
        lambda: agents.save_draft(stranger, agent.id, CONFIGURATION),
        lambda: agents.deploy(stranger, agent.id),
        lambda: agents.delete(stranger, agent.id),
    ):
        with pytest.raises(NotFoundError):
            forbidden()


def test_a_number_exists_once_and_links_only_to_its_owners_things(database, owner, stranger):
    numbers = PhoneNumbers(database)
    number = numbers.create(owner, "+331")
    with pytest.raises(ConflictError, match=r"\+331"):
        numbers.create(stranger, "+331")
    theirs = Agents(database).create(stranger, CONFIGURATION)
    trunk = Trunks(database, Sealer("key")).create(stranger, "t", host="h")
    for change in ({"inbound_agent_id": theirs.id}, {"trunk_id": trunk.id}):
        with pytest.raises(NotFoundError, match=next(iter(change))):
            numbers.update(owner, number.id, change)
        with pytest.raises(NotFoundError):
            numbers.create(owner, "+332", **change)
    assert numbers.find("+332") is None
    with pytest.raises(NotFoundError):
        numbers.update(stranger, number.id, {"name": "mine"})
    with pytest.raises(NotFoundError):
        numbers.delete(stranger, number.id)
    numbers.delete(owner, number.id)
    assert numbers.find("+331") is None


def test_an_idempotency_key_lets_one_request_act(database):
    keys = IdempotencyKeys(database)
    assert not keys.begin("o", "k", "body").resumed
    with pytest.raises(ConflictError, match="running"):
        keys.begin("o", "k", "body")
    keys.finish("o", "k", FirstAnswer(201, b"{}"))
    assert keys.begin("o", "k", "body") == FirstAnswer(201, b"{}")
    with pytest.raises(ConflictError, match="another body"):
        keys.begin("o", "k", "other")
    assert not keys.begin("another", "k", "other").resumed


def test_a_request_that_was_cut_off_is_resumed_with_its_own_id(database):
    keys = IdempotencyKeys(database)
    first = keys.begin("o", "k", "body")
    # A process that starts after a crash, or the same one after an error.
    again = IdempotencyKeys(database).begin("o", "k", "body")
    assert (again.object_id, again.resumed) == (first.object_id, True)
    keys.leave("o", "k")
    assert keys.begin("o", "k", "body") == again
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE idempotency_keys SET object_id = NULL")
    # Taken by a version that acted before it stored.
    with pytest.raises(ConflictError, match="running"):
        IdempotencyKeys(database).begin("o", "k", "body")


def test_an_idempotency_key_is_free_again_after_a_refusal_and_after_a_day(database):
    keys = IdempotencyKeys(database)
    first = keys.begin("o", "k", "body")
    keys.release("o", "k")
    second = keys.begin("o", "k", "other")
    assert (second.resumed, second.object_id != first.object_id) == (False, True)
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE idempotency_keys SET created_us = created_us - {KEPT_US + 1}")
    assert not keys.begin("o", "k", "third").resumed
