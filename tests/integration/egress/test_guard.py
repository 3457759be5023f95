"""The guard on real connections: what a name resolves to when it is connected to decides."""

import asyncio
import os

import httpx2
import pytest

from offhook.egress.guard import Guard, GuardedTransport, system_resolver
from offhook.errors import ForbiddenAddressError
from offhook.testing.webhook_receiver import WebhookReceiver

LOOPBACK = Guard(["127.0.0.0/8"])


class Resolver:
    """Answers each question with the next of the given answers; the last one stays."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    async def __call__(self, host, port):
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def client(guard, resolve=system_resolver, verify=None):
    return httpx2.AsyncClient(transport=GuardedTransport(guard, resolve=resolve, verify=verify), timeout=5)


async def test_a_permitted_address_is_reached_by_the_name_it_was_asked_by():
    resolve = Resolver(["127.0.0.1"])
    async with WebhookReceiver() as receiver, client(LOOPBACK, resolve) as http:
        answer = await http.post(f"http://hooks.example.com:{receiver.port}/", json={})
    assert answer.status_code == 204
    assert resolve.asked == ["hooks.example.com"]
    assert receiver.received[0].headers["host"] == f"hooks.example.com:{receiver.port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0"])
async def test_no_way_of_writing_loopback_gets_through(host):
    async with WebhookReceiver() as receiver, client(Guard()) as http:
        with pytest.raises((ForbiddenAddressError, httpx2.ConnectError, httpx2.InvalidURL)):
            await http.post(f"http://{host}:{receiver.port}/", json={})
    assert receiver.received == []


async def test_a_name_that_changes_its_answer_is_refused_at_the_connection_that_would_be_made():
    """DNS rebinding: public when somebody looks, private when it counts."""
    resolve = Resolver(["203.0.114.1"], ["127.0.0.1"])
    async with WebhookReceiver() as receiver, client(Guard(), resolve) as http:
        assert Guard().permits((await resolve("rebind.example.com", receiver.port))[0])
        with pytest.raises(ForbiddenAddressError, match=r"rebind.example.com leads to 127.0.0.1"):
            await http.post(f"http://rebind.example.com:{receiver.port}/", json={})
    assert receiver.received == []


async def test_what_was_checked_is_what_is_connected_to():
    """One question a connection: there is no second answer that nobody checked."""
    resolve = Resolver(["127.0.0.1"], ["169.254.169.254"])
    async with WebhookReceiver() as receiver, client(LOOPBACK, resolve) as http:
        for _ in range(3):  # on one connection
            assert (await http.post(f"http://rebind.example.com:{receiver.port}/", json={})).status_code == 204
    assert resolve.asked == ["rebind.example.com"]


async def test_a_forbidden_address_beside_a_permitted_one_is_passed_over():
    resolve = Resolver(["10.0.0.1", "127.0.0.1"])
    async with WebhookReceiver() as receiver, client(LOOPBACK, resolve) as http:
        assert (await http.post(f"http://both.example.com:{receiver.port}/", json={})).status_code == 204


async def test_the_next_permitted_address_is_tried_when_one_is_dead():
    resolve = Resolver(["127.0.0.9", "127.0.0.1"])
    async with WebhookReceiver() as receiver, client(LOOPBACK, resolve) as http:
        assert (await http.post(f"http://two.example.com:{receiver.port}/", json={})).status_code == 204


async def test_a_name_that_nobody_knows_or_that_takes_too_long_is_an_ordinary_failure():
    async def unknown(host, port):
        raise OSError(-2, "Name or service not known")

    async def slow(host, port):
        await asyncio.sleep(60)

    async with client(Guard(), unknown) as http:
        with pytest.raises(httpx2.ConnectError, match="Name or service not known"):
            await http.get("http://nowhere.example.com/")
    async with client(Guard(), slow) as http:
        with pytest.raises(httpx2.ConnectTimeout):
            await http.get("http://slow.example.com/", timeout=0.05)


async def test_tls_verifies_the_name_and_not_the_address(tls):
    resolve = Resolver(["127.0.0.1"])
    async with WebhookReceiver(tls=tls.server) as receiver, client(LOOPBACK, resolve, tls.client) as http:
        assert (await http.post(f"https://{tls.name}:{receiver.port}/", json={})).status_code == 204
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await http.post(f"https://other.example.com:{receiver.port}/", json={})
        assert len(receiver.received) == 1


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    async with WebhookReceiver() as proxy, WebhookReceiver() as receiver:
        monkeypatch.setitem(os.environ, "http_proxy", f"http://127.0.0.1:{proxy.port}")
        async with client(LOOPBACK) as http:
            await http.post(receiver.url, json={})
    assert (len(proxy.received), len(receiver.received)) == (0, 1)
