"""Connections over which nothing moves are closed, so that they cannot use up the server."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# A request must have come, and an answer must be taken further, within twice this time.
SECONDS = 10.0


class Connection(H11Protocol):
    """A connection that is closed if its request does not come, or its answer is not taken."""

    _timer: asyncio.TimerHandle
    _before: tuple[int, bool, int] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to watch a new connection."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(SECONDS, self._check)

    def connection_lost(self, exc: Exception | None) -> None:
        """Watches no longer."""
        self._timer.cancel()
        super().connection_lost(exc)

    def _check(self) -> None:
        """Closes a connection where nothing has changed since the last check."""
        is_incomplete = self.conn.their_state in (h11.IDLE, h11.SEND_BODY)
        unsent = self.transport.get_write_buffer_size()
        now = id(self.cycle), is_incomplete, unsent
        if (is_incomplete or unsent) and now == self._before:
            self.transport.abort()
            return
        self._before = now
        self._timer = self.loop.call_later(SECONDS, self._check)
