"""Writes the typed client out of the API's OpenAPI document: shapes, and a method for each operation, sync and async.

``python tools/make_client.py`` writes ``shapes.py``, ``sync/`` and ``aio/`` of ``src/offhook/client``; a test fails
while they are not what this would write. What is not derived from the document is written by hand beside them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from keyword import iskeyword
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from offhook.api.app import create_app
from offhook.api.control import ApiDeps
from offhook.store.database import Database, sqlite_url

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "offhook" / "client"
# Exact decimals, which the document can only call numbers.
DECIMALS = frozenset({"cost", "amount", "quantity", "unit_price"})
PHONE, WEB = "PhoneCallGetApiResponseData", "WebCallGetApiResponseData"
# `metadata.<key>` and `variable.<name>` have no name that a document could list.
OPEN_FILTERS = {"list_calls": ("metadata", "variable"), "export_calls": ("metadata", "variable")}
HEAD = '"""{what}\n\nWritten by ``tools/make_client.py`` from the API\'s OpenAPI document; don\'t edit.\n"""\n'
# Types that a client's module has without the shapes.
OUTSIDE = frozenset(
    {"Any", "Literal", "Mapping", "Sequence", "None", "Page", "FileSource", "TextSource", "ServerEvent", "Decimal"}
)
REQUEST_NAMES = ("UNSET", "FileSource", "Page", "TextSource", "Unset", "build", "read_data", "read_page", "segment")


def main() -> None:
    """Write the files."""
    for name, text in sources().items():
        path = PACKAGE / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def sources() -> dict[str, str]:
    """The files by name, as they should be."""
    document = openapi()
    shapes = Shapes(document)
    operations = [each for path, by_method in document["paths"].items() for each in read(shapes, path, by_method)]
    tags = sorted({each.tag for each in operations})
    found = {"shapes.py": shapes.text()}
    for folder, asynchronous in (("sync", False), ("aio", True)):
        found[f"{folder}/__init__.py"] = whole_client(tags, folder, asynchronous=asynchronous)
        for tag in tags:
            own = [each for each in operations if each.tag == tag]
            found[f"{folder}/{module(tag)}.py"] = client(tag, own, asynchronous=asynchronous)
    return {name: formatted(text) for name, text in found.items()}


def openapi() -> dict[str, Any]:
    """The document of an application on an empty database."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(sqlite_url(Path(folder) / "empty.db"))
        given: dict[str, Any] = {name: SimpleNamespace() for name in ApiDeps.__dataclass_fields__}
        document: dict[str, Any] = create_app(ApiDeps(**{**given, "database": database, "routes": ()})).openapi()
        database.close()
    return document


# ---------------------------------------------------------------------------------------------------------- shapes


class Shapes:
    """Types of the document as Python types; those used are written out."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._schemas: dict[str, Any] = document["components"]["schemas"]
        self._used: dict[str, str] = {}

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema a reference means."""
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def answer(self, schema: dict[str, Any], name: str = "") -> str:
        """Type of a part of an answer."""
        if "$ref" in schema:
            return self._use(schema["$ref"].rsplit("/", 1)[1])
        if union := schema.get("anyOf") or schema.get("oneOf"):
            return self._union([self.answer(each, name) for each in union])
        if "const" in schema:
            return f"Literal[{schema['const']!r}]"
        if "enum" in schema:
            return f"Literal[{', '.join(map(repr, schema['enum']))}]"
        return self._plain(schema, name)

    def argument(self, schema: dict[str, Any]) -> str:
        """Type of an argument: any mapping where a shape is asked for."""
        if union := schema.get("anyOf") or schema.get("oneOf"):
            return self._union([self.argument(each) for each in union])
        found = self.resolve(schema)
        if "enum" in found:
            return self.answer(schema)
        if found.get("type") == "object" or "properties" in found:
            return "Mapping[str, Any]"
        if found.get("type") == "array":
            return f"Sequence[{self.argument(found.get('items', {}))}]"
        return self.answer(found)

    def text(self) -> str:
        """The module of all shapes used."""
        written: dict[str, str] = {}
        while todo := [name for name in self._used if name not in written]:
            for name in todo:
                written[name] = self._write(name)
        head = HEAD.format(what="What the API answers, as types; fields that a newer server adds are passed over.")
        imports = (
            "from __future__ import annotations\n\nfrom datetime import datetime\nfrom decimal import Decimal\n"
            "from typing import Any, Literal\n\nimport msgspec\n\n"
        )
        order = sorted(written, key=lambda name: (not written[name].startswith(self._used[name] + " ="), name))
        return f"{head}\n{imports}\n" + "\n\n".join(written[name] for name in order) + "\n"

    @property
    def names(self) -> list[str]:
        """Names of the types that the clients import."""
        return sorted(set(self._used.values()))

    def _use(self, schema_name: str) -> str:
        if schema_name in {PHONE, WEB}:
            self._used[PHONE] = "Call"
            return "Call"
        name = re.sub(r"(?<=.)(Data|Response)$", "", schema_name)
        if self._used.get(schema_name, name) != name or name in {v for k, v in self._used.items() if k != schema_name}:
            name = schema_name
        self._used[schema_name] = name
        return name

    @staticmethod
    def _union(kinds: list[str]) -> str:
        distinct = list(dict.fromkeys(kinds))
        if len([kind for kind in distinct if kind != "None"]) > 1 and any(k in {"float", "int"} for k in distinct):
            return "Any"  # a value of whatever type it has
        return " | ".join(distinct)

    def _plain(self, schema: dict[str, Any], name: str) -> str:
        kind = schema.get("type")
        if kind == "string":
            return "datetime" if schema.get("format") == "date-time" else "str"
        if kind == "number":
            return "Decimal" if name in DECIMALS else "float"
        if kind == "array":
            return f"list[{self.answer(schema.get('items', {}), name)}]"
        if kind == "object":
            extra = schema.get("additionalProperties")
            return f"dict[str, {self.answer(extra, name)}]" if isinstance(extra, dict) and extra else "dict[str, Any]"
        return {"integer": "int", "boolean": "bool", "null": "None"}.get(str(kind), "Any")

    def _write(self, schema_name: str) -> str:
        name, schema = self._used[schema_name], self._schemas[schema_name]
        told = about(schema.get("description", ""))
        if "enum" in schema:
            return f"{name} = {self.answer({'enum': schema['enum']})}\n"
        if schema.get("additionalProperties") is True:
            return f"{name} = dict[str, Any]\n"
        web = self._schemas.get(WEB, {}).get("properties", {}) if schema_name == PHONE else None
        lines = [f"class {name}(msgspec.Struct, frozen=True, kw_only=True):", f'    """{told or name}."""', ""]
        for label, each in schema.get("properties", {}).items():
            lines.append(f"    {self._field(schema, label, each, optional=web is not None and label not in web)}")
        return "\n".join(lines) + "\n"

    def _field(self, schema: dict[str, Any], label: str, each: dict[str, Any], *, optional: bool) -> str:
        kind = self.answer(each, label)
        if label == "type" and "const" in each:
            kind = "str"  # of a call, this is either
        attribute, renamed = (f"{label}_", f", name={label!r}") if iskeyword(label) else (label, "")
        if optional or label not in schema.get("required", ()):
            kind = kind if "None" in kind or kind == "Any" else f"{kind} | None"
            return (
                f"{attribute}: {kind} = msgspec.field(default=None{renamed})"
                if renamed
                else f"{attribute}: {kind} = None"
            )
        return f"{attribute}: {kind} = msgspec.field(name={label!r})" if renamed else f"{attribute}: {kind}"


# -------------------------------------------------------------------------------------------------------- operations


@dataclass(frozen=True, slots=True)
class Parameter:
    """``wire``: its name in the request; ``place``: path, query, body, files, texts, whole (the body itself)."""

    name: str
    wire: str
    place: str
    kind: str
    required: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of the client. ``result``: data, page, stream, events."""

    tag: str
    name: str
    method: str
    path: str
    told: str
    result: str
    kind: str
    idempotent: bool
    parameters: list[Parameter] = field(default_factory=list)


def read(shapes: Shapes, path: str, by_method: dict[str, Any]) -> list[Operation]:
    """The operations of a path; the legacy path has newer ones in its place."""
    if path.startswith("/api/v0/"):
        return []
    found = []
    for method, operation in by_method.items():
        suffix = re.sub(r"\W", "_", path) + f"_{method}"
        name = operation["operationId"].removesuffix(suffix)
        content = next(each for code, each in operation["responses"].items() if code.startswith("2")).get("content", {})
        result, kind = outcome(shapes, content)
        parameters = [
            Parameter(safe(each["name"]), each["name"], each["in"], shapes.argument(each["schema"]), each["required"])
            for each in operation.get("parameters", ())
            if each["in"] in {"path", "query"}
        ]
        parameters += body(shapes, operation.get("requestBody"))
        for wire in OPEN_FILTERS.get(name, ()):
            parameters.append(Parameter(wire, wire, "query", "Mapping[str, object]", required=False))
        idempotent = any(each["name"].lower() == "idempotency-key" for each in operation.get("parameters", ()))
        told = about(operation.get("description", ""))
        found.append(
            Operation(operation["tags"][0], name, method.upper(), path, told, result, kind, idempotent, parameters)
        )
    return found


def outcome(shapes: Shapes, content: dict[str, Any]) -> tuple[str, str]:
    """How the answer is read, and the type of what it holds."""
    if "text/event-stream" in content:
        return "events", "ServerEvent"
    if "application/json" not in content or len(content) > 1:
        return "stream", "bytes"
    whole = shapes.resolve(content["application/json"]["schema"]).get("properties", {})
    if "next_cursor" in whole:
        return "page", shapes.answer(whole["data"]["items"])
    return "data", shapes.answer(whole.get("data", {}))


def body(shapes: Shapes, given: dict[str, Any] | None) -> list[Parameter]:
    """The arguments that make a request's body."""
    if given is None:
        return []
    if "multipart/form-data" in given["content"]:
        return [
            Parameter("files", "files", "files", "Sequence[FileSource]", required=False),
            Parameter("texts", "texts", "texts", "Sequence[TextSource]", required=False),
        ]
    schema = given["content"]["application/json"]["schema"]
    if schema.get("$ref", "").endswith("/AgentConfig"):
        return [Parameter("configuration", "", "whole", "Mapping[str, Any]", required=True)]
    whole = shapes.resolve(schema)
    required = whole.get("required", ())
    return [
        Parameter(safe(name), name, "body", shapes.argument(each), name in required)
        for name, each in whole.get("properties", {}).items()
    ]


def safe(name: str) -> str:
    """A parameter's name as Python takes it."""
    plain = re.sub(r"\W", "_", name).strip("_").lower()
    return f"{plain}_" if iskeyword(plain) else plain


def about(description: str) -> str:
    """The first sentence of a description, without its full stop."""
    text = " ".join(description.split())
    return re.split(r"(?<=[a-z\d)`])[.](?:\s|$)", text, maxsplit=1)[0].replace('"', "'").rstrip(".")


# ----------------------------------------------------------------------------------------------------------- methods


def module(tag: str) -> str:
    """The module of a tag's operations."""
    return re.sub(r"\W", "_", tag)


def methods_class(tag: str) -> str:
    """The class of a tag's operations."""
    return "".join(word.capitalize() for word in re.split(r"\W|_", tag)) + "Methods"


def whole_client(tags: list[str], folder: str, *, asynchronous: bool) -> str:
    """The module of a client: all its operations in one class."""
    name = "AsyncClient" if asynchronous else "Client"
    imports = [f"from offhook.client.{folder}.{module(tag)} import {methods_class(tag)}" for tag in tags]
    what = f"The client{' for asyncio' if asynchronous else ''}."
    lines = [
        HEAD.format(what=what),
        "from __future__ import annotations",
        "",
        *imports,
        "",
        "",
        f'__all__ = ["{name}"]',
        "",
        "",
    ]
    lines += [f"class {name}({', '.join(map(methods_class, tags))}):"]
    lines += [
        '    """A method for each operation of the API. All raise ApiStatusError and ConnectionFailedError."""',
        "",
    ]
    return "\n".join(lines)


def client(tag: str, operations: list[Operation], *, asynchronous: bool) -> str:
    """The module of one tag's operations."""
    base = "AsyncTransport" if asynchronous else "Transport"
    code = [
        text
        for each in operations
        for text in (method(each, asynchronous=asynchronous), walk(each, asynchronous=asynchronous))
        if text
    ]
    abstract = "AsyncIterator" if asynchronous else "Iterator"
    lines = [
        HEAD.format(what=f"Operations on {tag}{', for asyncio' if asynchronous else ''}."),
        "from __future__ import annotations",
        "",
        f"from collections.abc import {abstract}, Mapping, Sequence",
        "from datetime import datetime",
        "from typing import Any, Literal",
        "",
        "from offhook.client import shapes",
        "from offhook.client.events import EventParser, ServerEvent",
        f"from offhook.client.request import {', '.join(REQUEST_NAMES)}",
        f"from offhook.client.transport import {base}",
        "",
        "",
        f"class {methods_class(tag)}({base}):",
        f'    """What can be done with {tag}."""',
        "",
    ]
    return "\n".join(lines) + "\n" + "\n".join(code)


def method(operation: Operation, *, asynchronous: bool) -> str:
    """One operation as a method."""
    streamed = operation.result in {"stream", "events"}
    kind = qualified(operation.kind)
    returns = {"page": f"Page[{kind}]", "data": kind}.get(
        operation.result, f"{'AsyncIterator' if asynchronous else 'Iterator'}[{kind}]"
    )
    define = "async def" if asynchronous else "def"
    wait = "await " if asynchronous else ""
    lines = [f"    {define} {operation.name}({signature(operation)}) -> {returns}:", f'        """{operation.told}."""']
    lines.append(f"        request = {built(operation)}")
    if not streamed:
        if operation.kind == "None":
            lines.append(f"        {wait}self.send(request)")
        else:
            reader = "read_page" if operation.result == "page" else "read_data"
            lines.append(f"        return {reader}({wait}self.send(request), {kind})")
        return "\n".join(lines) + "\n"
    prefix = "async " if asynchronous else ""
    lines.append(f"        {prefix}with self._stream(request) as answer:")
    if operation.result == "stream" and not asynchronous:
        lines.append("            yield from answer.iter_bytes()")
    elif operation.result == "stream":
        lines += [
            f"            {prefix}for chunk in answer.{'aiter_bytes' if asynchronous else 'iter_bytes'}():",
            "                yield chunk",
        ]
    else:
        lines += [
            "            parser = EventParser()",
            f"            {prefix}for line in answer.{'aiter_lines' if asynchronous else 'iter_lines'}():",
            "                if (event := parser.feed(line)) is not None:",
            "                    yield event",
        ]
    return "\n".join(lines) + "\n"


def walk(operation: Operation, *, asynchronous: bool) -> str:
    """A list from its first page to its last, as an iterator."""
    names = {parameter.name for parameter in operation.parameters}
    if operation.result != "page" or not {"cursor", "use_cursor"} <= names:
        return ""
    left_out = {"cursor", "use_cursor", "page"}
    kept = [each for each in operation.parameters if each.name not in left_out]
    narrowed = Operation("", operation.name, "", "", "", "", operation.kind, idempotent=False, parameters=kept)
    name = f"iter_{operation.name.removeprefix('list_')}"
    passed = ", ".join([*(f"{each.name}={each.name}" for each in kept), "use_cursor=True", "cursor=cursor"])
    prefix, wait = ("async ", "await ") if asynchronous else ("", "")
    kind = "AsyncIterator" if asynchronous else "Iterator"
    return "\n".join([
        f"    {prefix}def {name}({signature(narrowed)}) -> {kind}[{qualified(operation.kind)}]:",
        f'        """All of ``{operation.name}``, page after page; ``limit`` is the size of a page."""',
        "        cursor: str | None = None",
        "        while True:",
        f"            page = {wait}self.{operation.name}({passed})",
        *(
            ["            for item in page.items:", "                yield item"]
            if asynchronous
            else ["            yield from page.items"]
        ),
        "            cursor = page.next_cursor",
        "            if cursor is None:",
        "                return",
    ]) + "\n"  # fmt: skip


def signature(operation: Operation) -> str:
    """Parameters: ids of the path by position, all others by name."""
    placed = [f"{each.name}: str" for each in operation.parameters if each.place == "path"]
    placed += [f"{each.name}: {qualified(each.kind)}" for each in operation.parameters if each.place == "whole"]
    named = [each for each in operation.parameters if each.place not in {"path", "whole"}]
    named.sort(key=lambda each: not each.required)
    keywords = [keyword(each) for each in named]
    if operation.idempotent:
        keywords.append("idempotency_key: str | None = None")
    return ", ".join(["self", *placed, *(["*", *keywords] if keywords else [])])


def keyword(parameter: Parameter) -> str:
    """One parameter that is given by name."""
    kind = qualified(parameter.kind)
    if parameter.required:
        return f"{parameter.name}: {kind}"
    if parameter.place in {"files", "texts"}:
        return f"{parameter.name}: {kind} = ()"
    if parameter.place == "body":
        with_unset = f"{kind.removesuffix(' | None')} | Unset | None" if kind.endswith(" | None") else f"{kind} | Unset"
        return f"{parameter.name}: {with_unset} = UNSET"
    return f"{parameter.name}: {kind if 'None' in kind else f'{kind} | None'} = None"


def built(operation: Operation) -> str:
    """The call of ``build`` that makes the request."""
    path = re.sub(r"\{(\w+)\}", lambda match: f"{{segment({safe(match[1])})}}", operation.path)
    parts = [f'"{operation.method}"', f'f"{path}"' if "{" in path else f'"{path}"']
    for place, name in (("query", "query"), ("body", "body")):
        entries = [f"{each.wire!r}: {each.name}" for each in operation.parameters if each.place == place]
        if entries:
            parts.append(f"{name}={{{', '.join(entries)}}}")
    if any(each.place == "whole" for each in operation.parameters):
        parts.append("body=configuration")
    if any(each.place == "files" for each in operation.parameters):
        parts.append("files=files, texts=texts")
    if operation.idempotent:
        parts.append("idempotent=True, idempotency_key=idempotency_key")
    return f"build({', '.join(parts)})"


def qualified(kind: str) -> str:
    """A type as the clients name it: shapes by their module."""

    def named(match: re.Match[str]) -> str:
        return match[1] if match[1] in OUTSIDE else f"shapes.{match[1]}"

    parts = re.split(r"('[^']*')", kind)  # texts of a Literal stay as they are
    return "".join(part if part.startswith("'") else re.sub(r"\b(?<!\.)([A-Z]\w*)\b", named, part) for part in parts)


def formatted(text: str) -> str:
    """As ruff writes it."""
    command = [sys.executable, "-m", "ruff"]
    where = ["--stdin-filename", str(PACKAGE / "made.py"), "-"]
    fixed = subprocess.run(
        [*command, "check", "--fix", "-q", "--select", "I,F401,UP", "--exit-zero", *where],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return subprocess.run([*command, "format", *where], input=fixed, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
