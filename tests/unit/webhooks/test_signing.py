"""What we sign, the published library verifies; what was changed, it refuses."""

import base64
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from offhook.webhooks.signing import signed_headers


def secret(fill):
    return "whsec_" + base64.b64encode(bytes([fill]) * 32).decode()


BODY = '{"type":"event_transcript","text":"Grüße"}'


def test_the_library_verifies_with_the_secret():
    headers = signed_headers("id-1", BODY, [secret(1)], time.time())
    assert Webhook(secret(1)).verify(BODY, headers)["text"] == "Grüße"
    assert headers["webhook-id"] == "id-1"


def test_during_a_rotation_either_secret_verifies():
    headers = signed_headers("id-1", BODY, [secret(1), secret(2)], time.time())
    for each in (secret(1), secret(2)):
        Webhook(each).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret(3)).verify(BODY, headers)


@pytest.mark.parametrize("change", [{"webhook-id": "id-2"}, {"webhook-timestamp": str(int(time.time()) - 60)}])
def test_what_is_signed_can_not_be_changed(change):
    headers = signed_headers("id-1", BODY, [secret(1)], time.time())
    with pytest.raises(WebhookVerificationError):
        Webhook(secret(1)).verify(BODY, {**headers, **change})
    with pytest.raises(WebhookVerificationError):
        Webhook(secret(1)).verify(BODY + " ", headers)
