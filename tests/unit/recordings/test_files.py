"""Keys of a recording's files."""

from offhook.recordings.files import recording_key


def test_a_key_names_organization_month_call_and_file():
    # 2024-12-31 23:59:59 UTC: the month is UTC's, wherever the server stands
    assert recording_key("org", "call", 1735689599.9, "mixed.ogg") == "org/2024/12/call/mixed.ogg"
