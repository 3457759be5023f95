"""The page about webhooks tells of every event with its fields, and its examples verify what we sign."""

import base64
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import get_args

import pytest

from offhook.agents.config import WebhookEvent
from offhook.record import events as e
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.record.webhooks import webhook_events
from offhook.store.deliveries import DeliveryStatus
from offhook.webhooks.schedule import RETRIES_S
from offhook.webhooks.signing import signed_headers

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
COMMON = {"type", "timestamp", "call_id", "agent_id", "event_id", "sequence"}
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
CREATED = e.CallCreated(at=1.0, call_id="c", organization_id="o", agent_id="a", direction="inbound")
EVERY = [
    e.StatusChanged(at=1.0, status=Status.RINGING),
    e.AnswerTyped(at=1.0, answer_type="human"),
    e.TranscriptAdded(at=1.0, item_id=1, role="user", content="Hello"),
    e.ToolCalled(at=1.0, tool_call_id="t", name="n", arguments="{}", result="{}", success=True, duration_ms=1),
    e.StateEntered(at=1.0, state="b", from_state="a", reason="r"),
    e.VariableSet(at=1.0, name="n", variable_type="string", value="v"),
    e.VariablesResolved(at=1.0),
    e.StatusChanged(at=1.0, status=Status.FAILED, end_reason=EndReason(EndCode.MEDIA_LOST, "provider")),
    e.PostCall(at=1.0),
]


def made():
    """type → the fields of its own, over all its forms."""
    record, fields = CallRecord.create(CREATED), {}
    for event in EVERY:
        record.apply(event)
        for body in webhook_events(event, record):
            fields.setdefault(body["type"], set()).update(body.keys() - COMMON)
    return fields


def documented():
    rows = re.findall(r"^\| `(event_\w+)` \| (.+) \|$", PAGE, re.MULTILINE)
    return {kind: set(re.findall(r"`(\w+)`", text)) - {"end_reason.code"} for kind, text in rows if kind != "event_id"}


def test_every_type_that_can_be_subscribed_to_is_made_and_documented():
    assert set(get_args(WebhookEvent)) == set(made()) == set(documented())


@pytest.mark.parametrize("kind", get_args(WebhookEvent))
def test_every_field_is_documented_and_none_that_is_not_there(kind):
    assert documented()[kind] == made()[kind]


@pytest.mark.parametrize("name", [*sorted(COMMON), *DeliveryStatus])
def test_common_fields_and_statuses_are_documented(name):
    assert f"`{name}`" in PAGE


def test_the_retry_table_is_documented():
    def written(seconds):
        for unit, size in (("h", 3600), ("min", 60), ("s", 1)):
            if seconds % size == 0:
                return f"{seconds / size:g} {unit}"
        raise AssertionError

    times = [written(each) for each in RETRIES_S]
    assert ", ".join(times[:-1]) + f" and {times[-1]}" in PAGE


def block(language, containing):
    return next(text for text in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if containing in text)


BODY = json.dumps({"type": "event_transcript", "text": "Grüße"}, ensure_ascii=False)


def test_the_python_example_verifies_and_refuses():
    scope = {}
    exec(block("python", "def receive").replace("whsec_…", SECRET), scope)
    headers = signed_headers("id", BODY, [SECRET], time.time())
    assert scope["receive"](headers, BODY.encode())["text"] == "Grüße"
    with pytest.raises(scope["WebhookVerificationError"]):
        scope["receive"](headers, BODY.encode() + b" ")


@pytest.mark.parametrize(("change", "said"), [({}, "Grüße"), ({"webhook-id": "other"}, "wrong signature")])
def test_the_node_example_verifies_and_refuses(tmp_path, change, said):
    node = shutil.which("node")
    if node is None:
        (pytest.fail if os.environ.get("REQUIRE_PEERS") else pytest.skip)("Node.js is not installed")
    headers = {**signed_headers("id", BODY, [SECRET], time.time()), **change}
    call = f"console.log(verify({json.dumps(SECRET)}, {json.dumps(headers)}, {json.dumps(BODY)}).text)"
    script = tmp_path / "verify.mjs"
    script.write_text(
        block("js", "export function verify") + f"try {{ {call} }} catch (e) {{ console.log(e.message) }}"
    )
    ran = subprocess.run([node, script], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == said, ran.stderr
