"""Costs are exact."""

import json
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.errors import ConfigurationError
from offhook.record.cost import PriceList, Usage, cost_lines, from_parts, in_parts, joined, plain, review_lines, total
from offhook.record.events import CallCreated, Costed
from offhook.record.fold import CallRecord, encode

prices = st.decimals(min_value=0, max_value=1000, places=10)
usages = st.builds(
    Usage,
    telephony_s=st.floats(0, 1e6),
    stt_s=st.floats(0, 1e6),
    llm_input_tokens=st.integers(0, 10**9),
    llm_output_tokens=st.integers(0, 10**9),
    tts_characters=st.integers(0, 10**9),
    platform_s=st.floats(0, 1e6),
)


@given(usages, st.builds(PriceList, prices, prices, prices, prices, prices, prices))
def test_lines_multiply_and_sum_exactly(usage, price_list):
    lines = cost_lines(usage, price_list)
    for line in lines:
        assert Fraction(line["quantity"]) * Fraction(line["unit_price"]) == Fraction(line["amount"])
    assert Fraction(total(lines)) == sum((Fraction(line["amount"]) for line in lines), Fraction(0))


def test_a_minute_is_sixty_seconds_and_what_was_not_used_has_no_line():
    prices = PriceList(telephony_minute=Decimal("0.6"), platform_minute=Decimal("0.1"))
    lines = cost_lines(Usage(telephony_s=90, llm_output_tokens=1000), prices)
    assert lines == [
        {"component": "telephony", "quantity": "1.5", "unit": "minute", "unit_price": "0.6", "amount": "0.9"},
        {
            "component": "llm_output", "quantity": "1000", "unit": "token", "unit_price": "0.0000006",
            "amount": "0.0006",
        },
    ]  # fmt: skip
    assert total(lines) == Decimal("0.9006")
    assert total([]) == 0


def test_a_price_list_survives_being_stored():
    prices = PriceList(tts_character=Decimal("0.000001"))
    assert PriceList.from_json(prices.to_json()) == prices
    assert PriceList.from_json({}) == PriceList()


@pytest.mark.parametrize(
    "entry",
    [
        {"sms": "1"}, {"stt_minute": "much"}, {"stt_minute": "-1"}, {"stt_minute": "NaN"}, {"stt_minute": "Infinity"},
        {"stt_minute": "0.0000000000001"}, {"stt_minute": "1e9"}, {"stt_minute": None},
    ],
)  # fmt: skip
def test_a_price_that_is_none_is_refused_by_its_name(entry):
    with pytest.raises(ConfigurationError, match=next(iter(entry))):
        PriceList.from_json(entry)


@pytest.mark.parametrize(
    ("value", "text"), [("1E+2", "100"), ("0.10", "0.1"), ("1E-8", "0.00000001"), ("10", "10"), ("0.000", "0")]
)
def test_decimals_are_written_without_exponent_and_idle_zeros(value, text):
    assert plain(Decimal(value)) == text


amounts = st.tuples(usages, st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=4))
price_lists = st.builds(PriceList, prices, prices, prices, prices, prices, prices)


@given(amounts, price_lists, price_lists)
def test_what_the_api_shows_sums_exactly_through_json_and_back_whatever_came_later(used, first, later):
    usage, reviews = used
    record = CallRecord.create(CallCreated(at=1.0, call_id="c", organization_id="o", agent_id="a"))
    record.apply(Costed(at=2.0, lines=tuple(cost_lines(usage, first))))
    for number, (tokens_in, tokens_out) in enumerate(reviews):
        # Prices may change between two attempts of a review.
        more = review_lines(tokens_in, tokens_out, later if number % 2 else first)
        event = Costed(at=3.0 + number, lines=joined(record.cost_lines or (), more))
        stored = msgspec.json.decode(msgspec.json.encode(event), type=Costed)
        record.apply(stored)
    shown = json.loads(encode(record.to_api()), parse_float=Decimal, parse_int=Decimal)
    for line in shown["cost_lines"]:
        assert Fraction(line["quantity"]) * Fraction(line["unit_price"]) == Fraction(line["amount"])
    assert Fraction(shown["cost"]) == sum((Fraction(line["amount"]) for line in shown["cost_lines"]), Fraction(0))
    keys = [(line["component"], line["unit_price"]) for line in shown["cost_lines"]]
    assert len(keys) == len(set(keys))
    wanted = total(cost_lines(usage, first)) + sum(
        total(review_lines(*tokens, later if number % 2 else first)) for number, tokens in enumerate(reviews)
    )
    assert Fraction(shown["cost"]) == Fraction(wanted)


def test_tokens_after_the_call_have_lines_of_their_own_that_grow_with_each_attempt():
    lines = joined(cost_lines(Usage(llm_input_tokens=10), PriceList()), review_lines(100, 5, PriceList()))
    lines = joined(lines, review_lines(50, 0, PriceList()))
    assert [(line["component"], line["quantity"]) for line in lines] == [
        ("llm_input", "10"), ("post_call_llm_input", "150"), ("post_call_llm_output", "5"),
    ]  # fmt: skip


@pytest.mark.parametrize("cost", ["0", "0.012", "100", "12.0000000000000001"])
def test_a_cost_is_the_same_after_it_was_kept_and_has_no_idle_digits(cost):
    assert encode(from_parts(*in_parts(Decimal(cost)))).decode() == cost
