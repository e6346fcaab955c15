"""Calls that ask the same at the same time are asked for once (docs/adr/0041-one-question-for-all-who-wait.md).

Nothing is remembered: a call never gets an answer to a question that had already left when it came.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from gateway_addons.core.errors import PolicyUnavailable


class SharedQuestions[T]:
    """Questions by their very bytes. Of the same bytes one is in the air, and those who come meanwhile wait to share the next."""

    def __init__(self, ask: Callable[[bytes], Awaitable[T]]) -> None:
        self._ask = ask
        self._waiting: dict[bytes, list[asyncio.Future[T]]] = {}
        self._shared: set[asyncio.Task[None]] = set()

    async def ask(self, question: bytes) -> T:
        """The answer to this question, put after now. Raises what `ask` raises, to all who share it."""
        waiting = self._waiting.get(question)
        if waiting is not None:
            future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            waiting.append(future)
            return await future
        self._waiting[question] = []
        try:
            return await self._ask(question)
        finally:
            self._next(question)

    def _next(self, question: bytes) -> None:
        """The question in the air is over: put it again, once, for those who came meanwhile and still wait."""
        waiting = [future for future in self._waiting.pop(question) if not future.done()]
        if waiting:
            self._waiting[question] = []
            task = asyncio.get_running_loop().create_task(self._ask_for(question, waiting))
            self._shared.add(task)
            task.add_done_callback(self._shared.discard)

    async def _ask_for(self, question: bytes, waiting: list[asyncio.Future[T]]) -> None:
        try:
            answer = await self._ask(question)
        except BaseException as e:
            for future in waiting:
                if not future.done():
                    if isinstance(e, Exception):
                        future.set_exception(e)
                    else:  # the loop ends
                        future.cancel()
            if not isinstance(e, Exception):
                raise
        else:
            for future in waiting:
                if not future.done():  # its call was given up
                    future.set_result(answer)
        finally:
            self._next(question)


def question_of(document: dict[str, Any]) -> bytes:
    """What OPA is sent to be asked with this input document. Raises `PolicyUnavailable` when a fact is no JSON value."""
    try:
        return orjson.dumps({"input": document})
    except TypeError as e:
        raise PolicyUnavailable("a fact is not a JSON value") from e
