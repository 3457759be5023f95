"""Methods that a path takes: all of them in ``Allow``, which the framework would fill from one route of several."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from offhook.api.envelope import ApiError


class Methods:
    """An ASGI application before the framework. Refuses methods that a path written out in full doesn't take.

    Without it ``GET /v1/calls/phone`` would ask for the call whose id is "phone".
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._routes: list[Route] = []
        self._plain: dict[str, set[str]] = {}

    def learn(self, routes: Iterable[BaseRoute]) -> None:
        """Know the routes, once they are all there."""
        self._routes = [route for route in routes if isinstance(route, Route)]
        for route in self._routes:
            if "{" not in route.path:
                self._plain.setdefault(route.path, set()).update(route.methods or ())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on."""
        taken = self._plain.get(scope["path"])
        if taken is not None and scope["method"] not in taken:
            raise not_taken(taken)
        await self._app(scope, receive, send)

    def taken(self, scope: Scope) -> set[str]:
        """The methods of all routes of the request's path."""
        matching = [route for route in self._routes if route.matches(scope)[0] is not Match.NONE]
        return {method for route in matching for method in route.methods or ()}


def not_taken(taken: Iterable[str]) -> ApiError:
    """The 405 of a path that takes these methods."""
    headers = {"Allow": ", ".join(sorted(taken))}
    return ApiError(405, "generic_error", "This path does not take that method", headers=headers)
