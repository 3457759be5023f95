"""Recordings of calls: a raw tape while the call lives, Ogg Opus files after it, and URLs to hear them.

The rest of the house uses ``Recordings``; the modules below it are one noun each.
"""

from offhook.recordings.archive import Recordings
from offhook.recordings.files import StoredRecording, file_keys
from offhook.recordings.serve import Lookup, Published
from offhook.recordings.tape import TapeWriter

__all__ = ["Lookup", "Published", "Recordings", "StoredRecording", "TapeWriter", "file_keys"]
