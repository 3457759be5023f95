"""Keys of a recording's files."""

from offhook.recordings.files import recording_key


def test_a_key_is_made_of_the_calls_id_alone():
    assert recording_key("call", "mixed.ogg") == "call/mixed.ogg"
