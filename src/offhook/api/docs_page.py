"""``/docs``: the OpenAPI document as one page for people. Everything on it comes from this server; no script runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.responses import HTMLResponse

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--mark:#2a7}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1rem 1.5rem}
h1{margin:.2em 0}h2{margin-top:2em;border-bottom:1px solid var(--line);text-transform:capitalize}
details{border:1px solid var(--line);border-radius:6px;margin:.5em 0;padding:.4em .8em}
details details{background:var(--soft)}summary{cursor:pointer}
code,pre{font:13px/1.45 ui-monospace,monospace}pre{overflow:auto;background:var(--soft);padding:.6em;border-radius:4px}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25em .6em .25em 0;
border-bottom:1px solid var(--line)}.method{display:inline-block;min-width:4.5em;font-weight:700;color:var(--mark)}
nav a{margin-right:1em}.required{color:#c33}.old{text-decoration:line-through}
"""
# Nothing may be loaded from anywhere, and nothing may run.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def show_docs(app: FastAPI) -> None:
    """Serve the page at ``/docs``, made when it is first asked for."""
    made: list[str] = []

    async def docs() -> HTMLResponse:
        if not made:
            made.append(page(app.openapi()))
        return HTMLResponse(made[0], headers={"Content-Security-Policy": POLICY})

    app.add_api_route("/docs", docs, include_in_schema=False)


def page(document: dict[str, Any]) -> str:
    """The whole page."""
    return "".join(_page(document))


def _page(document: dict[str, Any]) -> Iterator[str]:
    info, tags = document["info"], _by_tag(document)
    title = escape(f"{info['title']} {info['version']}")
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title} API</title><style>{_STYLE}</style>'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<h1>{title}</h1><p>{escape(info.get('description', ''))} "
    yield 'The document for programs: <a href="/openapi.json">/openapi.json</a>.</p><nav>'
    yield from (f'<a href="#{_anchor(tag)}">{escape(tag)}</a>' for tag in tags)
    yield '<a href="#schemas">schemas</a></nav>'
    for tag, operations in tags.items():
        yield f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>'
        for method, path, operation in operations:
            yield from _operation(method, path, operation)
    yield '<h2 id="schemas">schemas</h2>'
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield f'<details id="schema-{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        yield f"{_described(schema)}{_fields(schema)}</details>"


def _by_tag(document: dict[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    tags: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tags.setdefault((operation.get("tags") or ["other"])[0], []).append((method.upper(), path, operation))
    return tags


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    old = ' class="old"' if operation.get("deprecated") else ""
    about = escape(operation.get("description") or operation.get("summary", ""))
    yield f'<details><summary><span class="method">{method}</span><code{old}>{escape(path)}</code> {about}</summary>'
    if parameters := operation.get("parameters"):
        yield "<h4>Parameters</h4><table>"
        for each in parameters:
            shape = _shape(each["schema"])
            name = _name(each["name"], required=each.get("required", False))
            yield f"<tr><td>{name}<td>{escape(each['in'])}<td>{shape}<td>{_described({**each['schema'], **each})}"
        yield "</table>"
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<h4>Body <code>{escape(kind)}</code></h4>{_shape(content['schema'])}"
    yield "<h4>Answers</h4><table>"
    for code, response in operation["responses"].items():
        shapes = [_shape(content.get("schema", {})) for content in response.get("content", {}).values()]
        yield f"<tr><td>{escape(code)}<td>{' or '.join(shapes) or escape(response.get('description', ''))}"
    yield "</table></details>"


def _fields(schema: dict[str, Any]) -> str:
    rows = [
        f"<tr><td>{_name(name, required=name in schema.get('required', ()))}<td>{_shape(field)}<td>{_described(field)}"
        for name, field in schema.get("properties", {}).items()
    ]
    return f"<table>{''.join(rows)}</table>" if rows else _shape(schema)


def _shape(schema: dict[str, Any]) -> str:
    """A schema in a line: its type, its bounds, and links to what it refers to."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[1])
        return f'<a href="#schema-{name}"><code>{name}</code></a>'
    for key, word in (("anyOf", " | "), ("oneOf", " | "), ("allOf", " &amp; ")):
        if key in schema:
            return word.join(_shape(each) for each in schema[key])
    if "enum" in schema or "const" in schema:
        values = schema.get("enum") or [schema["const"]]
        return " | ".join(f"<code>{escape(json.dumps(value))}</code>" for value in values)
    if schema.get("type") == "array":
        return f"list of {_shape(schema.get('items', {}))}{_bounds(schema)}"
    kind = schema.get("format") or schema.get("type") or "any JSON"
    return f"<code>{escape(str(kind))}</code>{_bounds(schema)}"


_BOUNDS = {
    "minLength": "≥ {} characters", "maxLength": "≤ {} characters", "minimum": "≥ {}", "maximum": "≤ {}",
    "exclusiveMinimum": "> {}", "minItems": "≥ {} items", "maxItems": "≤ {} items", "pattern": "matches {}",
}  # fmt: skip


def _bounds(schema: dict[str, Any]) -> str:
    told = [text.format(schema[name]) for name, text in _BOUNDS.items() if name in schema]
    return f" <small>{escape(', '.join(told))}</small>" if told else ""


def _described(schema: dict[str, Any]) -> str:
    default = schema.get("default")
    tail = f" Default <code>{escape(json.dumps(default))}</code>." if default is not None else ""
    return escape(schema.get("description", "")) + tail


def _name(name: str, *, required: bool) -> str:
    mark = ' <span class="required" title="required">*</span>' if required else ""
    return f"<code>{escape(name)}</code>{mark}"


def _anchor(tag: str) -> str:
    return "tag-" + escape(tag.replace(" ", "-"))
