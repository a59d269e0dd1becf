"""Answers that are kept as long as a build is shown, for the next who asks for the same page."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

# The size of all that is kept, in bytes.
MOST_BYTES = 64 * 2**20


class Kept(NamedTuple):
    """The body of an answer, and its media type."""

    body: bytes
    media_type: str | None


class KeptAnswers:
    """Answers by what was asked; those that were not asked for longest go first."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._size = 0
        self._answers: OrderedDict[Hashable, Kept] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Kept | None:
        """What was kept under a key, if it still is."""
        with self._lock:
            found = self._answers.get(key)
            if found is not None:
                self._answers.move_to_end(key)
            return found

    def keep(self, key: Hashable, answer: Kept) -> None:
        """Keeps an answer, and gives up others for it; one that is larger than all is not kept."""
        if len(answer.body) > self._most:
            return
        with self._lock:
            before = self._answers.pop(key, None)
            self._size += len(answer.body) - (len(before.body) if before else 0)
            self._answers[key] = answer
            while self._size > self._most:
                _, given_up = self._answers.popitem(last=False)
                self._size -= len(given_up.body)
