"""Every table, for SQLite and PostgreSQL alike.

* Ids are canonical lower-case UUID text, ``String(36)``: one form in URLs, JSON and both databases, and nothing to
  convert on the hot read; the price is 20 bytes a row against a native UUID.
* Times are Unix microseconds in ``BigInteger`` (``_us``): exact, portable, compared as integers.
* JSON is ``JSON``; what is only ever handed on whole (a call's document, an event) is ``Text`` already encoded.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from offhook.store.leases import lease_columns
from offhook.store.transactions import TransactionId

# Names given by rule, so that migrations can name what they change on both databases.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# SQLite numbers rows by itself only in a column of type INTEGER.
_ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")
_ID = String(36)
# A table whose rows go with a call has a column `call_id`, or this: its `id` is the call's.
IS_CALL = {"call_id": "id"}
# JSON that is looked into: PostgreSQL has an index for the entries of JSONB, SQLite reads through.
_SEARCHED_JSON = JSON().with_variant(JSONB, "postgresql")


def _owner() -> Column[str]:
    return Column("organization_id", _ID, ForeignKey("organizations.id"), nullable=False)


organizations = Table(
    "organizations",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("price_list", JSON, nullable=False),
    Column("limits", JSON, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", _ID, primary_key=True),
    _owner(),
    Column("name", String(100), nullable=False),
    Column("prefix", String(20), nullable=False),
    # SHA-256 in hex: a key has 190 random bits, so a slow hash would protect nothing and cost every request.
    Column("digest", String(64), nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger),
    Column("revoked_us", BigInteger),
    Column("last_used_us", BigInteger),
    Index(None, "organization_id", "created_us"),
)

agents = Table(
    "agents",
    metadata,
    Column("id", _ID, primary_key=True),
    _owner(),
    Column("name", String(100), nullable=False),
    Column("webhook_url", String(2000)),
    Column("webhook_subscriptions", JSON, nullable=False),
    Column("secure_recording_urls", Boolean, nullable=False),
    Column("published_version", Integer),
    Column("created_us", BigInteger, nullable=False),
    Column("deleted_us", BigInteger),
    Index(None, "organization_id", "created_us"),
)

agent_versions = Table(
    "agent_versions",
    metadata,
    Column("agent_id", _ID, ForeignKey("agents.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("configuration_id", _ID, nullable=False, unique=True),
    Column("configuration", JSON, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("deployed_us", BigInteger),
)

trunks = Table(
    "trunks",
    metadata,
    Column("id", _ID, primary_key=True),
    _owner(),
    Column("name", String(100), nullable=False),
    Column("type", String(10), nullable=False),
    Column("host", String(255)),
    Column("port", Integer),
    Column("transport", String(3), nullable=False),
    Column("srtp", Boolean, nullable=False),
    Column("username", String(255)),
    Column("password", String(255)),
    Column("register", Boolean, nullable=False),
    Column("allowed_sources", JSON, nullable=False),
    Column("codecs", JSON, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    # Of a `twilio` trunk.
    Column("account_sid", String(64)),
    Column("auth_token", Text),
    # What is written now; `password` and `auth_token` hold what an earlier version wrote, until a start seals it.
    Column("sealed_password", Text),
    Column("sealed_auth_token", Text),
    Index(None, "organization_id", "created_us"),
)

phone_numbers = Table(
    "phone_numbers",
    metadata,
    Column("id", _ID, primary_key=True),
    _owner(),
    # Unique in the whole installation: an incoming call names its number and nothing else.
    Column("number", String(255), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("type", String(4), nullable=False),
    Column("inbound_agent_id", _ID, ForeignKey("agents.id")),
    Column("redirect", Boolean, nullable=False),
    Column("redirect_phone_number", String(255)),
    Column("trunk_id", _ID, ForeignKey("trunks.id")),
    Column("created_us", BigInteger, nullable=False),
    Index(None, "organization_id", "created_us"),
)

# One row a call: indexed columns to find it by, and its whole document to show it. No foreign keys: a record outlives
# the agent, number and trunk it tells of.
calls = Table(
    "calls",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    # The creation time in microseconds, moved on until no other call of the organization has it: order and cursor.
    Column("position", BigInteger, nullable=False),
    Column("type", String(10), nullable=False),
    Column("status", String(24), nullable=False),
    Column("direction", String(8)),
    Column("agent_id", _ID, nullable=False),
    Column("from_number", String(255)),
    Column("to_number", String(255)),
    Column("answer_type", String(16)),
    Column("end_reason", String(24)),
    Column("start_us", BigInteger),
    Column("end_us", BigInteger),
    Column("duration_seconds", Integer),
    Column("metadata", _SEARCHED_JSON, nullable=False),
    Column("variables", _SEARCHED_JSON, nullable=False),
    Column("secure_recording_url", Boolean, nullable=False),
    Column("recorded", Boolean, nullable=False),
    # The API's `data` as JSON, less the two recording URLs, which are made when asked for.
    Column("document", Text, nullable=False),
    Column("last_sequence", Integer, nullable=False),
    Column("last_public_sequence", Integer, nullable=False),
    # The process that carries the call; null for calls of before there were workers.
    Column("worker_id", _ID),
    # What the call cost, in millionths and 10⁻¹⁶ beyond them: SQLite has no decimals, and integers add up exactly.
    Column("cost_micros", BigInteger),
    Column("cost_rest", BigInteger),
    UniqueConstraint("organization_id", "position"),
    Index(None, "organization_id", "agent_id", "position"),
    Index(None, "organization_id", "status", "position"),
    Index(None, "organization_id", "from_number", "position"),
    Index(None, "organization_id", "to_number", "position"),
    Index(None, "organization_id", "end_reason", "position"),
    Index(None, "organization_id", "type", "position"),
    Index(None, "organization_id", "direction", "position"),
    Index(None, "organization_id", "answer_type", "position"),
    Index(None, "organization_id", "start_us"),
    Index(None, "organization_id", "duration_seconds"),
    # Recovery looks for the few unfinished ones among all.
    Index(None, "status"),
    # Usage adds these up without reading the rows, whose documents make them long.
    Index("ix_calls_usage", "organization_id", "position", "agent_id", "duration_seconds", "cost_micros", "cost_rest"),
    *(
        Index(f"ix_calls_{name}", name, postgresql_using="gin", postgresql_ops={name: "jsonb_path_ops"}).ddl_if(
            "postgresql"
        )
        for name in ("metadata", "variables")
    ),
    # Documents lie beside the rows (TOAST), not in them: a filter that walks rows reads a tenth of the pages.
    postgresql_with={"toast_tuple_target": 256},
    info=IS_CALL,
)

# What happened, in order: the record is the fold of these rows.
call_events = Table(
    "call_events",
    metadata,
    Column("call_id", _ID, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("type", String(16), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("payload", Text, nullable=False),
)

# What consumers are told, written with the change it tells of; `sequence` counts per call without gaps.
outbox = Table(
    "outbox",
    metadata,
    Column("id", _ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("event_id", _ID, nullable=False, unique=True),
    Column("organization_id", _ID, nullable=False),
    Column("agent_id", _ID, nullable=False),
    Column("call_id", _ID, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("type", String(40), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    # The transaction that wrote the row: on PostgreSQL ids may become visible out of order, (xid, id) never do once
    # every transaction up to xid is over. 0 on SQLite, where transactions come one after the other.
    Column("xid", BigInteger, nullable=False, default=TransactionId(), server_default="0"),
    UniqueConstraint("call_id", "sequence"),
    Index(None, "organization_id", "xid", "id"),
    sqlite_autoincrement=True,  # a number is never given twice, also after the newest rows were deleted
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("organization_id", _ID, primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("status", Integer),
    Column("body", Text),
    # The id of what the request makes, given before it acts: after a crash it tells whether it did.
    Column("object_id", _ID),
    Column("created_us", BigInteger, nullable=False),
    Index(None, "created_us"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", _ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("organization_id", _ID, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("action", String(50), nullable=False),
    Column("object_type", String(30), nullable=False),
    Column("object_id", String(100), nullable=False),
    Column("detail", JSON, nullable=False),
    Index(None, "organization_id", "at_us", "id"),
    Index(None, "organization_id", "object_id", "at_us"),
    sqlite_autoincrement=True,
)

# What an agent's calls are asked when they are over; with the agent, not with a version of it.
post_call_questions = Table(
    "post_call_questions",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("agent_id", _ID, ForeignKey("agents.id"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("type", String(16), nullable=False),
    Column("optional", Boolean, nullable=False),
    Column("model", String(200)),
    Column("examples", JSON, nullable=False),
    Column("options", JSON, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Index(None, "agent_id", "created_us"),
)

# Finished calls whose questions, summary or `event_post_call` are still to come; a row goes when all is done. It is
# written with the call's final status. ``id`` is the call's.
post_call_jobs = Table(
    "post_call_jobs",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    *lease_columns(),
    info=IS_CALL,
)

# Processes that carry calls. One that dies leaves its row behind, with a heartbeat that grows old.
workers = Table(
    "workers",
    metadata,
    Column("id", _ID, primary_key=True),
    # The data directory, whose lock only one process holds: who holds it knows that its earlier holders are dead.
    Column("node_id", _ID),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("heartbeat_us", BigInteger, nullable=False),
)

# Where an agent's events go: one row for each URL it has had. A URL it doesn't have any more is not sent to.
webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", _ID, primary_key=True),
    _owner(),
    Column("agent_id", _ID, nullable=False),
    Column("url", String(2000), nullable=False),
    # SHA-256 of the URL in hex: a URL may be longer than an index can hold.
    Column("url_digest", String(64), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("stopped_us", BigInteger),
    Column("stop_reason", String(200)),
    UniqueConstraint("agent_id", "url_digest"),
    Index(None, "organization_id", "created_us"),
)

# Secrets that sign for an endpoint, sealed; several while one is being replaced.
webhook_secrets = Table(
    "webhook_secrets",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("endpoint_id", _ID, ForeignKey("webhook_endpoints.id"), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger),
    Index(None, "endpoint_id"),
)

# A call whose events go to a webhook: how far they have got. A queue of calls, not of events, since the events of a
# call go one after the other. ``id`` is the call's; written with its events.
webhook_lanes = Table(
    "webhook_lanes",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    Column("agent_id", _ID, nullable=False),
    # Up to here nothing is left to send: delivered, given up, or not subscribed to.
    Column("settled_sequence", Integer, nullable=False),
    # The newest event in the outbox.
    Column("last_sequence", Integer, nullable=False),
    # How often the first event that is left has failed.
    Column("failures", Integer, nullable=False),
    *lease_columns(),
    info=IS_CALL,
)

# One row for each event that goes, or went, to a webhook, with the outcome of its last attempt.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    # The time of its first attempt, moved on until no other delivery of the organization has it: order and cursor.
    Column("position", BigInteger, nullable=False),
    Column("event_id", _ID, nullable=False, unique=True),
    Column("agent_id", _ID, nullable=False),
    Column("call_id", _ID, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("type", String(40), nullable=False),
    Column("endpoint_id", _ID, nullable=False),
    Column("url", String(2000), nullable=False),
    Column("status", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("response_code", Integer),
    Column("latency_ms", Integer),
    Column("error", String(500)),
    Column("last_attempt_us", BigInteger),
    Column("next_attempt_us", BigInteger),
    Column("delivered_us", BigInteger),
    UniqueConstraint("organization_id", "position"),
    Index(None, "organization_id", "call_id", "position"),
    Index(None, "organization_id", "agent_id", "position"),
    Index(None, "organization_id", "status", "position"),
    Index(None, "organization_id", "type", "position"),
)

# Every attempt of a delivery, numbered from 1.
webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("delivery_id", _ID, ForeignKey("webhook_deliveries.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("url", String(2000), nullable=False),
    Column("delivered", Boolean, nullable=False),
    Column("resend", Boolean, nullable=False),
    Column("response_code", Integer),
    Column("latency_ms", Integer, nullable=False),
    Column("error", String(500)),
)

knowledge_bases = Table(
    "knowledge_bases",
    metadata,
    Column("id", _ID, primary_key=True),
    _owner(),
    Column("name", String(100), nullable=False),
    # Counts every change of what can be found, so that who keeps vectors in memory sees that they are old.
    Column("revision", Integer, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Index(None, "organization_id", "created_us"),
)

# Also the queue of ingestion: a row is due while its file is to be read, or its passages want vectors.
knowledge_sources = Table(
    "knowledge_sources",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("base_id", _ID, ForeignKey("knowledge_bases.id"), nullable=False),
    Column("type", String(4), nullable=False),
    Column("name", String(255), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("file_key", String(500), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("status", String(10), nullable=False),
    Column("reason", Text),
    Column("passages", Integer, nullable=False),
    Column("embedded_by", String(100)),
    Column("created_us", BigInteger, nullable=False),
    Index(None, "base_id", "created_us"),
    *lease_columns(),
)

knowledge_passages = Table(
    "knowledge_passages",
    metadata,
    Column("id", _ROW_NUMBER, primary_key=True, autoincrement=True),
    # The source's own, repeated: every search is within bases.
    Column("base_id", _ID, ForeignKey("knowledge_bases.id"), nullable=False),
    Column("source_id", _ID, ForeignKey("knowledge_sources.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("page", Integer),
    Column("headings", Text, nullable=False),
    Column("text", Text, nullable=False),
    # The words to be found by, folded and stemmed: in their order, or as PostgreSQL's search keeps them.
    Column("terms", Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
    # float32, little-endian, of length 1.
    Column("vector", LargeBinary),
    UniqueConstraint("source_id", "position"),
    Index(None, "base_id"),
    sqlite_autoincrement=True,
)

# The words of passages, indexed by each database's own full-text search. On SQLite triggers keep the index equal to the
# table: a migration that copies knowledge_passages must make them anew.
Index("ix_knowledge_passages_terms", knowledge_passages.c.terms, postgresql_using="gin").ddl_if(dialect="postgresql")
for _statement in (
    (
        "CREATE VIRTUAL TABLE knowledge_words USING fts5(base_id, terms, content='knowledge_passages',"
        " content_rowid='id', tokenize=\"unicode61 remove_diacritics 0 tokenchars '-'\")"
    ),
    (
        "CREATE TRIGGER knowledge_passages_added AFTER INSERT ON knowledge_passages BEGIN"
        " INSERT INTO knowledge_words(rowid, base_id, terms) VALUES (new.id, new.base_id, new.terms); END"
    ),
    (
        "CREATE TRIGGER knowledge_passages_removed AFTER DELETE ON knowledge_passages BEGIN"
        " INSERT INTO knowledge_words(knowledge_words, rowid, base_id, terms)"
        " VALUES ('delete', old.id, old.base_id, old.terms); END"
    ),
):
    _sql = DDL(_statement).execute_if(dialect="sqlite")  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    event.listen(knowledge_passages, "after_create", _sql)

# The words of ended calls' transcripts (`store/transcript_index.py`); they go with their call. PostgreSQL indexes the
# column itself; on SQLite triggers keep a table of FTS5 equal to this one: a migration that copies this table must
# make them anew.
call_words = Table(
    "call_words",
    metadata,
    Column("id", _ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("call_id", _ID, ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, unique=True),
    # The call's own, repeated: what is found is wanted in the order of the list.
    Column("organization_id", _ID, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("words", Text().with_variant(TSVECTOR, "postgresql"), nullable=False),
    Index(None, "organization_id", "position"),
    Index("ix_call_words_words", "words", postgresql_using="gin").ddl_if("postgresql"),
    sqlite_autoincrement=True,
    # As with calls: what is found is counted and sorted by narrow rows.
    postgresql_with={"toast_tuple_target": 256},
)
_CALL_WORDS_FTS = (
    """CREATE VIRTUAL TABLE call_words_fts USING fts5(words, content='call_words', content_rowid='id',
       tokenize='unicode61 remove_diacritics 0')""",
    """CREATE TRIGGER call_words_added AFTER INSERT ON call_words BEGIN
       INSERT INTO call_words_fts(rowid, words) VALUES (new.id, new.words); END""",
    """CREATE TRIGGER call_words_removed AFTER DELETE ON call_words BEGIN
       INSERT INTO call_words_fts(call_words_fts, rowid, words) VALUES ('delete', old.id, old.words); END""",
)
for _statement in _CALL_WORDS_FTS:
    _sql = DDL(_statement).execute_if(dialect="sqlite")  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    event.listen(call_words, "after_create", _sql)

# What is left of a deleted call. ``id`` is the call's; ``files`` are the keys of its files, later what they were: they
# are gone then. The row is work while files remain, and stays for good.
tombstones = Table(
    "tombstones",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("deleted_us", BigInteger, nullable=False),
    Column("files", JSON, nullable=False),
    Column("completed_us", BigInteger),
    *lease_columns(),
)
