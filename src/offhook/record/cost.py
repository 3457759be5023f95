"""What a call cost: usage × the organization's unit prices, as exact decimals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation
from typing import Any

from offhook.errors import ConfigurationError

# Room for any quantity × price we accept; a product or sum that would not fit raises instead of rounding.
_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])
_ROUNDING = Context(prec=60)
# Quantities of time are kept to 0.0001 minute (6 ms): finer than one 20 ms packet.
_MINUTE_STEP = Decimal("0.0001")
_PRICE_DIGITS = 12  # decimals of a unit price; one token of the cheapest model costs about 1e-8


@dataclass(frozen=True, slots=True)
class PriceList:
    """Price of one unit of each component, in the organization's currency.

    The defaults are public list prices in USD of 2025 (a SIP carrier's minute; Whisper's minute; GPT-4o mini's tokens;
    OpenAI tts-1's characters), so that a first record shows figures; an organization sets its own.
    """

    telephony_minute: Decimal = Decimal("0.01")
    stt_minute: Decimal = Decimal("0.006")
    llm_input_token: Decimal = Decimal("0.00000015")
    llm_output_token: Decimal = Decimal("0.0000006")
    tts_character: Decimal = Decimal("0.000015")
    platform_minute: Decimal = Decimal(0)

    @classmethod
    def from_json(cls, prices: Mapping[str, Any]) -> PriceList:
        """Read a stored price list (component → decimal as string); absent ones keep their default.

        Raises ConfigurationError naming the entry that is unknown or no price.
        """
        known = {entry.name for entry in fields(cls)}
        return cls(**{name: _price(name, value, known) for name, value in prices.items()})

    def to_json(self) -> dict[str, str]:
        """The list as strings, exactly."""
        return {entry.name: plain(getattr(self, entry.name)) for entry in fields(self)}


def _price(name: str, value: object, known: set[str]) -> Decimal:
    if name not in known:
        raise ConfigurationError(f"price_list.{name}: unknown; known are {', '.join(sorted(known))}")
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        raise ConfigurationError(f"price_list.{name}: {value!r} is not a decimal number") from None
    exponent = price.as_tuple().exponent
    if not isinstance(exponent, int) or price < 0 or price > 10**6 or -exponent > _PRICE_DIGITS:
        raise ConfigurationError(f"price_list.{name}: from 0 to 1,000,000 with at most {_PRICE_DIGITS} decimals")
    return price


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call used."""

    telephony_s: float = 0.0
    stt_s: float = 0.0
    llm_input_tokens: int = 0
    llm_output_tokens: int = 0
    tts_characters: int = 0
    platform_s: float = 0.0


def cost_lines(usage: Usage, prices: PriceList) -> list[dict[str, str]]:
    """A line for each component that was used: ``component, quantity, unit, unit_price, amount``, decimals as strings.

    ``amount`` is exactly ``quantity × unit_price``.
    """
    parts = (
        ("telephony", _minutes(usage.telephony_s), "minute", prices.telephony_minute),
        ("stt", _minutes(usage.stt_s), "minute", prices.stt_minute),
        ("llm_input", Decimal(usage.llm_input_tokens), "token", prices.llm_input_token),
        ("llm_output", Decimal(usage.llm_output_tokens), "token", prices.llm_output_token),
        ("tts", Decimal(usage.tts_characters), "character", prices.tts_character),
        ("platform", _minutes(usage.platform_s), "minute", prices.platform_minute),
    )
    return [_line(component, quantity, unit, price) for component, quantity, unit, price in parts if quantity]


def review_lines(input_tokens: int, output_tokens: int, prices: PriceList) -> list[dict[str, str]]:
    """Lines for what a language model took after the call, at the prices of its tokens in the call."""
    usage = Usage(llm_input_tokens=input_tokens, llm_output_tokens=output_tokens)
    return [{**line, "component": f"post_call_{line['component']}"} for line in cost_lines(usage, prices)]


def joined(lines: Iterable[Mapping[str, str]], more: Iterable[Mapping[str, str]]) -> tuple[dict[str, str], ...]:
    """Both as one list: what is of the same component at the same price becomes one line."""
    found: dict[tuple[str, str, str], Decimal] = {}
    for line in (*lines, *more):
        key = line["component"], line["unit"], line["unit_price"]
        found[key] = _EXACT.add(found.get(key, Decimal(0)), Decimal(line["quantity"]))
    return tuple(
        _line(component, quantity, unit, Decimal(price)) for (component, unit, price), quantity in found.items()
    )


def total(lines: Iterable[Mapping[str, str]]) -> Decimal:
    """The exact sum of the lines' amounts."""
    result = Decimal(0)
    for line in lines:
        result = _EXACT.add(result, Decimal(line["amount"]))
    return result


# A quantity has at most 4 decimals and a price 12.
_REST_DIGITS = 10


def in_parts(cost: Decimal) -> tuple[int, int]:
    """A cost as two integers, to be kept and added up exactly: millionths, and 10⁻¹⁶ beyond them."""
    micros, rest = divmod(int(_EXACT.scaleb(cost, 6 + _REST_DIGITS)), 10**_REST_DIGITS)
    return micros, rest


def from_parts(micros: int, rest: int) -> Decimal:
    """The cost that such integers, or sums of them, mean."""
    cost = _EXACT.scaleb(Decimal(micros * 10**_REST_DIGITS + rest), -6 - _REST_DIGITS)
    return Decimal(plain(cost))  # 0.012, not 0.0120000000000000; and 0, not 0E-16, which few who read JSON expect


def plain(value: Decimal) -> str:
    """A decimal without exponent and without idle zeros: ``0.0001``, ``12``."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _line(component: str, quantity: Decimal, unit: str, price: Decimal) -> dict[str, str]:
    return {
        "component": component,
        "quantity": plain(quantity),
        "unit": unit,
        "unit_price": plain(price),
        "amount": plain(_EXACT.multiply(quantity, price)),
    }


def _minutes(seconds: float) -> Decimal:
    return _ROUNDING.divide(Decimal(repr(seconds)), Decimal(60)).quantize(_MINUTE_STEP, ROUND_HALF_UP)
