"""Files by key, in a folder of this machine or a bucket of an S3-compatible store.

Whoever keeps files (recordings, sources of knowledge) opens a store with ``open_files``; where it is, is a setting.
"""

from offhook.files.place import open_files
from offhook.files.store import FileStore, StoredFile, folder_files

__all__ = ["FileStore", "StoredFile", "folder_files", "open_files"]
