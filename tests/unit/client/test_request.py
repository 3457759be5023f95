"""What a request is made of, what an answer means, and when it is asked again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from offhook.client import UNSET, ApiStatusError, FileSource, TextSource
from offhook.client import request as client


class Thing(msgspec.Struct):
    name: str
    price: Decimal | None = None


def test_what_is_not_given_is_not_sent():
    made = client.build(
        "PATCH", "/x", query={"page": None, "limit": 5, "all": True}, body={"name": "a", "url": None, "redirect": UNSET}
    )
    assert made.query == (("limit", "5"), ("all", "true"))
    assert json.loads(made.json or b"") == {"name": "a", "url": None}


def test_filters_by_name_and_times_are_written_as_the_api_reads_them():
    made = client.build("GET", "/x", query={"metadata": {"city": "Lyon"}, "after": datetime(2026, 1, 1, tzinfo=UTC)})
    assert made.query == (("metadata.city", "Lyon"), ("after", "2026-01-01T00:00:00+00:00"))


def test_an_id_cannot_leave_its_place_in_the_path():
    assert client.segment("../keys?x#y") == "..%2Fkeys%3Fx%23y"


def test_uploads_go_as_a_form():
    made = client.build("POST", "/x", files=[FileSource("a.pdf", b"%PDF")], texts=[TextSource("t", "c")])
    assert made.files == (("file_sources[]", ("a.pdf", b"%PDF")),)
    assert json.loads(made.form["text_sources"]) == [{"title": "t", "content": "c"}]


def test_data_keeps_every_digit_and_passes_over_what_is_new():
    body = b'{"data": {"name": "a", "price": 0.10000000000000000001, "new": 1}, "status": 200}'
    assert client.read_data(body, Thing) == Thing("a", Decimal("0.10000000000000000001"))


def test_a_page_knows_how_to_go_on():
    page = client.read_page(b'{"data": [{"name": "a"}], "next_cursor": "c", "total_items": null}', Thing)
    assert (page.items, page.next_cursor) == ([Thing("a")], "c")


def test_a_refusal_has_the_servers_words():
    body = {"error": {"message": "bad", "type": "validation_error", "details": [{"field": "a", "message": "short"}]}}
    error = client.failure(422, {"x-request-id": "r1", "retry-after": "7"}, json.dumps(body).encode())
    assert (error.status, error.type, error.request_id, error.retry_after_s) == (422, "validation_error", "r1", 7.0)
    assert str(error) == "bad (a: short)"


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"error": "no"}', b"\xff"])
def test_an_answer_of_something_in_between_is_an_error_too(content):
    error = client.failure(502, {"retry-after": "soon"}, content)
    assert (error.status, error.type, error.retry_after_s) == (502, "generic_error", None)


GET = client.build("GET", "/x")
POST = client.build("POST", "/x", body={})
ONCE = client.build("POST", "/x", body={}, idempotent=True)


@pytest.mark.parametrize(
    ("request_", "status", "again"),
    [
        (GET, None, True), (POST, None, False), (ONCE, None, True),
        (GET, 503, True), (POST, 503, False), (ONCE, 503, True),
        (POST, 429, True), (GET, 404, False), (GET, 500, False),
    ],
)  # fmt: skip
def test_only_what_acts_once_is_tried_again(request_, status, again):
    error = None if status is None else ApiStatusError(status, "x", "x")
    assert (client.pause_s(request_, 1, error) is not None) == again
    assert client.pause_s(request_, client.ATTEMPTS, error) is None


def test_the_server_says_when_to_ask_again():
    assert client.pause_s(GET, 1, ApiStatusError(429, "x", "x", retry_after_s=3.0)) == 3.0
    assert client.pause_s(GET, 1, ApiStatusError(429, "x", "x", retry_after_s=60.0)) is None
    assert 0 < (client.pause_s(GET, 2, None) or 0) <= 0.5


def test_each_request_that_acts_has_a_key_of_its_own():
    keys = {client.build("POST", "/x", idempotent=True).headers["Idempotency-Key"] for _ in range(9)}
    assert len(keys) == 9
    assert client.build("POST", "/x", idempotent=True, idempotency_key="mine").headers == {"Idempotency-Key": "mine"}
