"""The organization, and what it used."""

import uuid
from decimal import Decimal

import msgspec
import pytest

from offhook.api.v1.organization import OrganizationData
from offhook.api.v1.usage import UsageData
from offhook.record.events import CallCreated, Costed, StatusChanged
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status

PATH = "/v1/organization"
EXACT = msgspec.json.Decoder(float_hook=Decimal)
DAY_S = 86_400


async def changed(site, **body):
    answer = await site.http.patch(PATH, json=body)
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    OrganizationData.model_validate(data)
    assert (await site.http.get(PATH)).json()["data"] == data
    return data


async def test_the_organization_shows_its_prices_as_decimals(site):
    shown = (await site.http.get(PATH)).json()["data"]
    assert shown["id"] == site.organization_id
    assert shown["price_list"]["llm_input_token"] == "0.00000015"
    assert shown["limits"] == {"requests_per_minute": None, "requests_per_minute_per_key": None}


async def test_what_is_given_changes_and_the_rest_stays(site):
    before = (await site.http.get(PATH)).json()["data"]
    after = await changed(site, name="Clinic", currency="EUR", price_list={"stt_minute": "0.0051", "tts_character": 1})
    assert (after["name"], after["currency"]) == ("Clinic", "EUR")
    assert after["price_list"] == {**before["price_list"], "stt_minute": "0.0051", "tts_character": "1"}
    after = await changed(site, price_list={"stt_minute": None}, limits={"requests_per_minute": 900_000})
    assert after["price_list"]["stt_minute"] == before["price_list"]["stt_minute"]
    assert after["limits"] == {"requests_per_minute": 900_000, "requests_per_minute_per_key": None}
    assert (await changed(site, limits={"requests_per_minute": None}))["limits"] == before["limits"]
    assert await changed(site) == {**after, "limits": before["limits"]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"currency": "EURO"}, "currency"), ({"currency": "eur"}, "currency"), ({"currency": "ZZZ"}, "currency"),
        ({"currency": None}, "currency"), ({"name": ""}, "name"), ({"name": None}, "name"),
        ({"name": "x" * 101}, "name"), ({"price_list": {"stt_minute": "-1"}}, "price_list.stt_minute"),
        ({"price_list": {"stt_minute": "1e-13"}}, "price_list.stt_minute"),
        ({"price_list": {"stt_minute": "1000001"}}, "price_list.stt_minute"),
        ({"price_list": {"stt_minute": "NaN"}}, "price_list.stt_minute"),
        ({"price_list": {"coffee": "1"}}, "price_list.coffee"), ({"price_list": None}, "price_list"),
        ({"limits": {"requests_per_minute": 0}}, "limits.requests_per_minute"),
        ({"limits": {"requests_per_minute": 10**400}}, "limits.requests_per_minute"),
        ({"limits": {"naps": 1}}, "limits.naps"), ({"id": "mine"}, "id"),
    ],
)  # fmt: skip
async def test_what_does_not_fit_is_refused_by_its_path(site, body, field):
    answer = await site.http.patch(PATH, json=body)
    assert answer.status_code == 422, answer.text
    assert {row["field"] for row in answer.json()["error"]["details"]} == {field}


# ---------------------------------------------------------------------- usage


async def costed(site, agent_id, *, at, seconds, amounts):
    """A call that was answered and ended after that long, with these cost lines."""
    created = CallCreated(
        at=at, call_id=str(uuid.uuid4()), organization_id=site.organization_id, agent_id=agent_id, direction="inbound"
    )
    lines = [
        {"component": f"c{number}", "quantity": "1", "unit": "u", "unit_price": amount, "amount": amount}
        for number, amount in enumerate(amounts)
    ]
    reason = EndReason(EndCode.CALLER_HUNG_UP, "caller")
    events = [
        StatusChanged(at=at, status=Status.RINGING), StatusChanged(at=at, status=Status.IN_PROGRESS),
        Costed(at=at, lines=tuple(lines)),
        StatusChanged(at=at + seconds, status=Status.COMPLETED, end_reason=reason),
    ]  # fmt: skip
    record = CallRecord.replay([created, *events])
    await site.writer.append(created.call_id, [created, *events], record)


async def used(site, **query):
    answer = await site.http.get("/v1/usage", params=query)
    assert answer.status_code == 200, answer.text
    UsageData.model_validate(answer.json()["data"])
    return EXACT.decode(answer.content)["data"]


@pytest.fixture
async def agents(site):
    """Two agents: three calls of the first, of which two on the last day of January, one of the other in February."""
    first, second = sorted(str(uuid.uuid4()) for _ in range(2))
    january = 1_769_817_600.0  # 2026-01-31
    await costed(site, first, at=january + 1, seconds=90, amounts=["0.1", "0.2"])
    await costed(site, first, at=january + DAY_S - 0.000001, seconds=31, amounts=["0.0000000000000001"])
    await costed(site, first, at=january + DAY_S, seconds=60, amounts=["12.3456789"])
    await costed(site, second, at=january + DAY_S + 5, seconds=1, amounts=["999999.9999999999999999"])
    await site.call(at=january + DAY_S + 9, agent_id=second, ended=False)
    return first, second


SPAN = {"from": "2026-01-01", "to": "2026-03-01T00:00:00Z"}


async def test_usage_adds_up_exactly_by_day_month_and_agent(site, agents):
    first, second = agents
    by_day = await used(site, **SPAN)
    assert [(row["period"], row["agent_id"], row["calls"]) for row in by_day["rows"]] == [
        ("2026-01-31", None, 2), ("2026-02-01", None, 3),
    ]  # fmt: skip
    january = by_day["rows"][0]
    assert (january["cost"], january["duration_seconds"]) == (Decimal("0.3000000000000001"), 121)
    assert january["minutes"] == Decimal("2.0167")
    total = by_day["total"]
    assert (total["calls"], total["answered_calls"], total["duration_seconds"]) == (5, 4, 182)
    assert total["cost"] == Decimal("0.3000000000000001") + Decimal("12.3456789") + Decimal("999999.9999999999999999")
    by_agent = await used(site, **SPAN, group_by="month,agent")
    assert [(row["period"], row["agent_id"], row["calls"], row["answered_calls"]) for row in by_agent["rows"]] == [
        ("2026-01", first, 2, 2), ("2026-02", first, 1, 1), ("2026-02", second, 2, 1),
    ]  # fmt: skip
    agents_only = await used(site, **SPAN, group_by="agent")
    assert [(row["period"], row["agent_id"], row["calls"]) for row in agents_only["rows"]] == [
        (None, first, 3), (None, second, 2),
    ]  # fmt: skip
    assert (await used(site, **SPAN, group_by="none"))["rows"] == []


async def test_usage_is_of_calls_from_its_beginning_on_and_before_its_end(site, agents):
    assert (await used(site, **{"from": "2026-02-01", "to": "2026-02-01T00:00:05Z"}))["total"]["calls"] == 1
    assert (await used(site))["total"]["calls"] == 0


async def test_usage_reads_one_index_and_no_documents(site, agents):
    query = "SELECT position / 86400000000, agent_id, count(*), sum(cost_micros), sum(cost_rest),"
    query += " sum(duration_seconds) FROM calls WHERE organization_id = 'o' AND position >= 1 GROUP BY 1, 2"
    if not site.database.is_sqlite:
        return  # what PostgreSQL reads depends on how much is there: of a few rows any index is as good
    with site.database.read() as connection:
        plan = " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}"))
    assert "COVERING INDEX ix_calls_usage" in plan


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2026-02-01", "to": "2026-01-01"}, "from"), ({"from": "yesterday"}, "from"),
        ({"from": "1900-01-01"}, "from"), ({"group_by": "week"}, "group_by"), ({"to": "9" * 400}, "to"),
    ],
)  # fmt: skip
async def test_a_span_that_is_none_is_refused(site, query, field):
    answer = await site.http.get("/v1/usage", params=query)
    assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (422, field)
