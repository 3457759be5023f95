"""The OpenAPI document: what FastAPI gathers, with our keys, our error shape, and the agent's configuration."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from offhook.api.v1.agent_schemas import agent_components

_SCHEMES = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "Bearer": {"type": "http", "scheme": "bearer", "description": "The same key, on the legacy path."},
}


def describe(app: FastAPI) -> None:
    """Make ``app.openapi()`` give our document, built once."""
    gather = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(gather())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to change its document


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    components["securitySchemes"] = _SCHEMES
    schemas = components.setdefault("schemas", {})
    schemas.update(agent_components())
    # The framework's own shape of a 422 is never sent.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, operations in document["paths"].items():
        scheme = "Bearer" if path.startswith("/api/v0/") else "ApiKey"
        for operation in operations.values():
            if path.startswith(("/v1/", "/api/v0/")):
                operation["security"] = [{scheme: []}]
    return document
