"""Keys, and which storage URLs are understood."""

import pytest

from offhook.errors import ConfigurationError
from offhook.recordings.files import RecordingStore, recording_key


def test_a_key_names_organization_month_call_and_file():
    # 2024-12-31 23:59:59 UTC: the month is UTC's, wherever the server stands
    assert recording_key("org", "call", 1735689599.9, "mixed.ogg") == "org/2024/12/call/mixed.ogg"


def test_a_storage_url_that_is_not_understood_names_the_setting(tmp_path):
    with pytest.raises(ConfigurationError, match="OFFHOOK_STORAGE_URL"):
        RecordingStore(tmp_path, "ftp://example/x")
