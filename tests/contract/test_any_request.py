"""Requests made up from the document, fitting and unfitting: no server error, and no answer that is not documented."""

import asyncio
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.generation import GenerationMode
from structlog.testing import capture_logs

from offhook.api.v1.envelopes import ApiResponseError

load_all_checks()
CHECKS = schemathesis.checks.CHECKS.get_by_names(
    ["content_type_conformance", "response_schema_conformance", "status_code_conformance"]
)
# Of each operation and kind; `make fuzz` sets more.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))


# Making up requests takes nine tenths of the time, most of it whole agents: so they are a test of their own, which runs
# beside the others. Parts are told apart by tag; every operation is in one of them.
PARTS = {"agents": lambda tags: "agents" in tags, "all-others": lambda tags: "agents" not in tags}


def explore(app, headers, ids, mode, wanted):
    """Try every operation whose tags are wanted; what broke, each with the request that shows it."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    operations = [each for each in operations if wanted(each.definition.raw.get("tags", ()))]
    assert len(operations) > 5
    faults = {}
    for operation in operations:

        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck), print_blob=False,
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def attempt(case):
            check(case, headers, ids)

        try:
            attempt()
        except Unsatisfiable:
            # Where nothing is asked for, nothing can be asked for wrongly.
            assert mode is GenerationMode.NEGATIVE, operation.label
            assert not operation.definition.raw.get("parameters"), operation.label
        except Exception as error:  # noqa: BLE001 - whatever breaks is what is looked for
            faults[operation.label] = f"{type(error).__name__}: {error}"[:1500]
    return faults


def check(case, headers, ids):
    # Half of what is asked for is there, so that more than 404 is seen.
    for name in set(case.path_parameters) & set(ids):
        if sum(map(ord, str(case.path_parameters[name]))) % 2:
            case.path_parameters[name] = ids[name]
    response = case.call(headers=headers)
    # A stream of events is documented as text; its events are webhook bodies, which docs/webhooks.md tells of.
    streams = "text/event-stream" in str(response.headers.get("content-type"))
    checks = [each for each in CHECKS if not (streams and each.__name__ == "response_schema_conformance")]
    case.validate_response(response, checks=[not_a_server_error, *checks])
    assert response.headers["x-request-id"]
    if response.status_code >= 400:
        assert ApiResponseError.model_validate(response.json()).status == response.status_code


@pytest.mark.timeout(600)
@pytest.mark.parametrize("make_database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "unfitting"])
@pytest.mark.parametrize("part", PARTS)
async def test_no_request_breaks_a_route_or_gets_an_answer_that_is_not_documented(site, ids, mode, part):
    headers = {name: site.http.headers[name] for name in ("X-Api-Key", "Authorization")}
    # The key that is used must not be the one that a request revokes.
    with capture_logs():
        faults = await asyncio.to_thread(explore, site.app, headers, ids, mode, PARTS[part])
    assert faults == {}, "\n\n".join(f"{label}\n{fault}" for label, fault in faults.items())
