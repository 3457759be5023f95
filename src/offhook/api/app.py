"""The application: routes, conventions, and the OpenAPI document."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from offhook.api.auth import Authenticator
from offhook.api.control import ApiDeps
from offhook.api.conventions import Conventions
from offhook.api.docs_page import show_docs
from offhook.api.envelope import ApiError
from offhook.api.errors import respond
from offhook.api.fast_lane import FastLane
from offhook.api.gate import Gate
from offhook.api.methods import Methods
from offhook.api.openapi import describe
from offhook.api.resources import Resources
from offhook.api.strict_json import StrictJson
from offhook.api.v1 import (
    agents,
    audit,
    calls,
    events,
    health,
    keys,
    knowledge,
    numbers,
    organization,
    questions,
    recordings,
    trunks,
    usage,
    webhooks,
)
from offhook.errors import OffhookError

_HANDLED = (ApiError, OffhookError, SQLAlchemyError, RequestValidationError, HTTPException)

_RESOURCES = (
    calls,
    recordings,
    agents,
    questions,
    numbers,
    trunks,
    keys,
    knowledge,
    webhooks,
    events,
    organization,
    usage,
    audit,
    health,
)


class Application(FastAPI):
    """The framework behind what holds for every request."""

    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            await self.front(scope, receive, send)
        else:
            await self.framework(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """The framework's layers without its last resort, which would answer before ours."""
        stack = super().build_middleware_stack()
        return stack.app if isinstance(stack, ServerErrorMiddleware) else stack

    async def framework(self, scope: Scope, receive: Receive, send: Send) -> None:
        """FastAPI itself."""
        await super().__call__(scope, receive, send)


def create_app(deps: ApiDeps) -> FastAPI:
    """The API on the given stores and calls. Its lifespan closes what it opened, not what it was given."""
    resources = Resources.open(deps)
    authenticator = Authenticator(resources.reads, resources.keys)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await authenticator.close()
        resources.reads.close()

    app = Application(
        title="Offhook",
        version=version("offhook"),
        description="AI voice agents on real phone calls, with a complete, trustworthy record of each call.",
        lifespan=lifespan,
        redirect_slashes=False,
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    app.state.resources = resources
    methods = Methods(StrictJson(app.framework))
    app.front = Conventions(FastLane(methods, resources), Gate(authenticator, deps.limits))
    for kind in _HANDLED:
        app.add_exception_handler(kind, respond)
    for module in _RESOURCES:
        app.include_router(module.router)
    app.router.routes.extend(deps.routes)
    describe(app)
    show_docs(app)
    methods.learn([*app.routes, *(route for module in _RESOURCES for route in module.router.routes)])
    app.state.methods = methods
    return app
