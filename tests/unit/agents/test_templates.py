from __future__ import annotations

from offhook.agents.templates import names_in, render


def test_names_are_replaced_by_their_values_and_unset_ones_by_nothing() -> None:
    text, unset = render("Hi {{ name }}, {{age}} {{other}}{{other}}!", {"name": "Ann", "age": 3, "other": None})
    assert text == "Hi Ann, 3 !"
    assert unset == ("other",)


def test_a_value_that_looks_like_a_template_is_not_filled_in_again() -> None:
    assert render("{{a}}", {"a": "{{b}}", "b": "secret"})[0] == "{{b}}"


def test_names_of_a_template_come_once_and_in_order() -> None:
    assert names_in("{{b}} {{a}} {{ b }} {{1x}} { {c} }") == ("b", "a")
