"""The engine's hooks, dispatched without a search: which addon listens to which hook does not change while it runs.

The engine walks all addons twice for every hook (docs/performance.md). The semantics are the engine's: hooks run in the
order of the addons, an exception is logged and the next addon is called (why that is no danger: docs/engine.md, item 1).
"""

import inspect
import logging
from collections.abc import Callable, Iterable
from typing import Any

from mitmproxy import exceptions, hooks
from mitmproxy.addonmanager import AddonManager, traverse

from gateway_addons.addons.own_engine import load as load  # a stock `mitmdump -s` on this file must end

log = logging.getLogger(__name__)


class CachedHooks(AddonManager):
    """The engine's addons, with the listeners of each hook looked up once."""

    def __init__(self, master: Any) -> None:
        super().__init__(master)  # type: ignore[no-untyped-call]
        self._listeners: dict[str, list[Callable[..., Any]]] = {}

    def register(self, addon: Any) -> Any:
        """Add an addon; what was looked up is forgotten."""
        self._listeners = {}
        return super().register(addon)  # type: ignore[no-untyped-call]

    def remove(self, addon: Any) -> None:
        """Remove an addon; what was looked up is forgotten."""
        self._listeners = {}
        super().remove(addon)  # type: ignore[no-untyped-call]

    def listeners(self, name: str) -> list[Callable[..., Any]]:
        """Who listens to a hook, in the order of the addons."""
        found = self._listeners.get(name)
        if found is None:
            found = self._listeners[name] = [
                listener for addon in traverse(self.chain) if callable(listener := getattr(addon, name, None))]
        return found

    async def handle_lifecycle(self, event: hooks.Hook) -> None:
        """What the engine calls itself, for connections. Its `update` hook is for views of flows, and there are none here."""
        await self.trigger_event(event)

    async def trigger_event(self, event: hooks.Hook) -> None:
        """Call the listeners of one hook."""
        await self.tell(event.name, event.args())

    async def tell(self, name: str, arguments: Iterable[Any]) -> None:
        """Call the listeners of one hook, by its name."""
        for listener in self.listeners(name):
            try:
                result = listener(*arguments)
                if result is not None and inspect.isawaitable(result):
                    await result
            except exceptions.AddonHalt:
                return
            except exceptions.OptionsError:
                raise
            except Exception:
                log.exception("an addon failed in %s", name)
