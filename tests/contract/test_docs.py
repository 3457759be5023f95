"""The documentation names what there is."""

import re
from pathlib import Path

from offhook.record.cost import PriceList
from offhook.store.keys import Scope

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


async def test_every_endpoint_is_in_the_docs_and_none_that_is_not_there(site):
    there = {f"{method.upper()} {path}" for path, methods in site.app.openapi()["paths"].items() for method in methods}
    named = set(re.findall(r"`((?:GET|POST|PATCH|PUT|DELETE) /[^`?]*)`", PAGE))
    assert named == there


def test_every_scope_and_price_is_in_the_docs():
    for name in [*Scope, *PriceList().to_json()]:
        assert f"`{name}`" in PAGE


async def test_every_filter_of_the_list_is_in_the_docs(site):
    parameters = site.app.openapi()["paths"]["/v1/calls"]["get"]["parameters"]
    for parameter in parameters:
        assert re.search(rf"\b{parameter['name']}\b", PAGE), parameter["name"]
