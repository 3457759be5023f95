"""Commands on either database, chosen by setting."""

import json

import pytest


def answer(done):
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture
def found(offhook):
    """What the doctor says of a database."""

    def look(url):
        done = offhook("doctor", "--json", OFFHOOK_DATABASE_URL=url)
        (finding,) = [each for each in json.loads(done.stdout)["checks"] if each["check"] == "database"]
        return finding

    return look


def test_an_empty_database_is_upgraded_and_the_doctor_sees_it(offhook, found, make_database_url):
    url = make_database_url(empty=True)
    before = found(url)
    assert (before["state"], before["remedy"]) == ("note", "offhook db upgrade")
    assert answer(offhook("db", "upgrade", "--json", OFFHOOK_DATABASE_URL=url))["upgraded"]
    after = found(url)
    assert after["state"] == "ok"
    assert after["found"].endswith("answers, schema up to date")
    assert ("PostgreSQL 1" in after["found"]) == url.startswith("postgresql")
    assert answer(offhook("db", "upgrade", "--json", OFFHOOK_DATABASE_URL=url))["upgraded"]


def test_data_go_where_the_setting_says(offhook, database_url, data_dir):
    made = answer(offhook("keys", "create", "--name", "k", "--json", OFFHOOK_DATABASE_URL=database_url))
    (listed,) = answer(offhook("keys", "list", "--json", OFFHOOK_DATABASE_URL=database_url))
    assert listed["id"] == made["id"]
    assert not (data_dir / "offhook.db").exists()


def test_a_server_that_cannot_be_reached_is_told_without_the_password(offhook, found):
    for url in ("postgresql://me:hush@127.0.0.1:1/d", "postgresql://me@127.0.0.1:1/d?password=hush"):
        finding = found(url)
        assert (finding["state"], "refused" in finding["found"]) == ("bad", True)
        assert "OFFHOOK_DATABASE_URL" in finding["remedy"]
        assert "hush" not in json.dumps(finding)
        for command in (("db", "upgrade"), ("keys", "list"), ("serve", "--http-port", "0", "--sip-port", "0")):
            done = offhook(*command, OFFHOOK_DATABASE_URL=url)
            assert done.returncode == 1
            assert "OFFHOOK_DATABASE_URL" in done.stderr
            assert "cannot be reached" in done.stderr
            assert "hush" not in done.stderr + done.stdout
