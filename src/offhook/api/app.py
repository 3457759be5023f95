"""The application: routes, conventions, and the OpenAPI document."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from offhook.api.auth import Authenticator
from offhook.api.control import ApiDeps
from offhook.api.conventions import Conventions
from offhook.api.envelope import ApiError
from offhook.api.errors import respond
from offhook.api.openapi import describe
from offhook.api.resources import Resources
from offhook.api.v1 import agents, calls, health, hot, keys, numbers, trunks
from offhook.errors import OffhookError

_HANDLED = (ApiError, OffhookError, OperationalError, RequestValidationError, HTTPException)


def create_app(deps: ApiDeps) -> FastAPI:
    """The API on the given stores and calls. Its lifespan closes what it opened, not what it was given."""
    resources = Resources.open(deps)
    authenticator = Authenticator(resources.reads, resources.keys)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await authenticator.close()
        resources.reads.close()

    app = FastAPI(
        title="Offhook",
        version=version("offhook"),
        description="AI voice agents on real phone calls, with a complete, trustworthy record of each call.",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.resources = resources
    app.add_middleware(Conventions, authenticator=authenticator)
    for kind in _HANDLED:
        app.add_exception_handler(kind, respond)
    # First, so that the route asked most is found first.
    app.include_router(hot.router)
    for module in (calls, agents, numbers, trunks, keys, health):
        app.include_router(module.router)
    app.router.routes.extend(deps.routes)
    describe(app)
    return app
