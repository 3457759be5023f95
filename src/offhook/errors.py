"""The tree of errors this package raises on purpose.

Each class has a stable ``code`` (what programs test for) and its message is a sentence that says what to do.

* OffhookError
    * ConfigurationError      a setting, file or option that cannot be used
        * AgentConfigError    an agent whose configuration has faults, each named by its path
    * NotFoundError           the thing named does not exist (for this organization)
    * ConflictError           the thing is in a state that does not allow this
    * CapacityError           no room for another call
    * DatabaseAwayError       the database does not answer
    * ProviderError           a recognizer, voice or language model failed
        * ProviderTimeoutError
    * LineError               signalling or media failed
    * ModelFilesError         local model files are missing or do not match their digest
    * StorageError            a file cannot be written, encoded, stored or read
        * StorageSetupError   only the operator can mend it: no such bucket, a key that is refused
    * ToolError               a tool's server can't be reached, or answers nothing usable
    * ForbiddenAddressError   a user's URL leads to an address that it may not reach
    * SealError               a stored secret cannot be opened
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in an input: where (``states[2].name``) and what to do about it."""

    field: str
    message: str


class OffhookError(Exception):
    """Base of every error raised on purpose."""

    code = "error"


class ConfigurationError(OffhookError):
    """A setting, file or option that cannot be used."""

    code = "configuration_error"


class AgentConfigError(ConfigurationError):
    """An agent's configuration has faults."""

    code = "agent_config_error"

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{fault.field}: {fault.message}" for fault in faults))


class NotFoundError(OffhookError):
    """The thing named does not exist, or belongs to someone else."""

    code = "not_found"


class ConflictError(OffhookError):
    """The thing is in a state that does not allow this."""

    code = "conflict"


class CapacityError(OffhookError):
    """No room for another call; try again after ``retry_after_s`` seconds."""

    code = "capacity_exceeded"

    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class DatabaseAwayError(OffhookError):
    """The database does not answer; try again."""

    code = "database_away"


class ProviderError(OffhookError):
    """A recognizer, voice or language model failed."""

    code = "provider_failure"


class ProviderTimeoutError(ProviderError):
    """A provider did not answer in time."""

    code = "provider_timeout"


class ToolError(OffhookError):
    """A tool's server can't be reached, or answers nothing usable."""

    code = "tool_error"


class LineError(OffhookError):
    """Signalling or media failed."""

    code = "line_error"


class ModelFilesError(OffhookError):
    """Local model files are missing or do not match their digest."""

    code = "model_files"


class StorageError(OffhookError):
    """A file cannot be written, encoded, stored or read."""

    code = "storage_error"


class StorageSetupError(StorageError):
    """The store is there and refuses: no such bucket, or a key that may not do this."""

    code = "storage_setup"


class ForbiddenAddressError(OffhookError):
    """A user's URL leads to an address that it may not reach."""

    code = "forbidden_address"


class SealError(OffhookError):
    """A stored secret cannot be opened."""

    code = "seal_error"
