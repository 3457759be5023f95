"""Trunks: kept whole, for their owner, with secrets that a copy of the database does not tell."""

import pytest

from offhook.errors import NotFoundError, SealError
from offhook.store.organizations import Organizations
from offhook.store.sealing import Sealer
from offhook.store.trunks import Trunks


@pytest.fixture
def owner(database):
    return Organizations(database).create("Owner").id


@pytest.fixture
def trunks(database):
    return Trunks(database, Sealer("key"))


def plain(database, trunk_id, **values):
    """Store secrets as a version before sealing did."""
    columns = "".join(f", {name} = '{value}', sealed_{name} = NULL" for name, value in values.items())
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE trunks SET name = name{columns} WHERE id = '{trunk_id}'")


def test_a_trunk_is_kept_whole(trunks, database, owner):
    trunk = trunks.create(
        owner, "t", host="sip.example.com", port=5061, transport="tls", username="u", password="p", register=True,
        allowed_sources=("10.0.0.0/8",), codecs=("PCMA",),
    )  # fmt: skip
    assert trunks.get(owner, trunk.id) == trunk
    assert (trunk.password.open(), trunk.auth_token) == ("p", None)
    assert (trunk.allowed_sources, trunk.codecs) == (("10.0.0.0/8",), ("PCMA",))
    assert trunks.every() == [trunk]
    stranger = Organizations(database).create("Stranger").id
    assert trunks.all(stranger) == []
    with pytest.raises(NotFoundError):
        trunks.get(stranger, trunk.id)


def test_secrets_are_stored_sealed_each_for_its_own_place(trunks, owner, rows):
    trunk = trunks.create(owner, "t", host="h", username="u", password="hush-hush")
    twilio = trunks.create(owner, "t", type="twilio", account_sid="AC", auth_token="hush-hush")
    trunks.update(owner, twilio.id, {"auth_token": "hush-hush-2"})
    assert "hush" not in repr((rows("SELECT * FROM trunks"), rows("SELECT * FROM audit_log"), trunks.every()))
    assert trunks.get(owner, trunk.id).password.open() == "hush-hush"
    assert trunks.get(owner, twilio.id).auth_token.open() == "hush-hush-2"
    assert trunks.update(owner, trunk.id, {"password": None}).password is None
    assert rows("SELECT sealed_password FROM trunks WHERE id = :id", id=trunk.id) == [(None,)]


def test_a_longest_password_fits_sealed(trunks, owner):
    longest = "\U0001d11e" * 255  # four bytes each
    assert trunks.create(owner, "t", host="h", password=longest).password.open() == longest


def test_secrets_of_an_earlier_version_work_and_are_sealed_once(trunks, database, owner, rows):
    trunk = trunks.create(owner, "t", host="h", username="u")
    twilio = trunks.create(owner, "t", type="twilio", account_sid="AC")
    # One that looks sealed is none.
    plain(database, trunk.id, password="v1.hush")
    plain(database, twilio.id, auth_token="hush-hush")

    def opened():
        return trunks.get(owner, trunk.id).password.open(), trunks.get(owner, twilio.id).auth_token.open()

    assert opened() == ("v1.hush", "hush-hush")
    assert "hush" not in repr(trunks.every())
    assert trunks.seal_plain() == 2
    assert opened() == ("v1.hush", "hush-hush")
    assert "hush" not in repr(rows("SELECT * FROM trunks"))
    assert trunks.seal_plain() == 0
    plain(database, trunk.id, password="old")
    assert trunks.update(owner, trunk.id, {"password": "new"}).password.open() == "new"
    assert rows("SELECT password FROM trunks WHERE id = :id", id=trunk.id) == [(None,)]


def test_a_trunk_whose_secret_another_key_sealed_can_be_seen_and_given_a_new_one(trunks, database, owner):
    trunk = trunks.create(owner, "t", host="h", username="u", password="hush")
    others = Trunks(database, Sealer("another key"))
    seen = others.get(owner, trunk.id)
    with pytest.raises(SealError, match="OFFHOOK_SECRET_KEY"):
        seen.password.open()
    assert others.update(owner, trunk.id, {"password": "new"}).password.open() == "new"
