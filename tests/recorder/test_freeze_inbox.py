"""Freezes that other threads ask for reach the loop, and its answers reach them."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from formats.errors import UsageError
from recorder.freeze_inbox import FreezeInbox
from recorder.store.freeze import FreezeRequest, FreezeResult

RESULT = FreezeResult("/data/captures/x.tapio", 5, 1, 1, 2, 1, 2, "why")


class Freezer:
    """Begins every freeze but those of the name `bad`."""

    def __init__(self) -> None:
        self.begun: dict[str, Future[FreezeResult]] = {}

    def __call__(self, request: FreezeRequest) -> Future[FreezeResult]:
        if request.name == "bad":
            raise UsageError("not a name")
        return self.begun.setdefault(request.name, Future())


def test_each_request_gets_its_own_answer():
    inbox, freezer = FreezeInbox(), Freezer()
    # GIVEN requests of several threads, one of which cannot be begun
    replies: dict[str, Future[FreezeResult]] = {}
    threads = [
        threading.Thread(target=lambda name=name: replies.update({name: inbox.put(FreezeRequest(name))}))
        for name in ("good", "bad", "late")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # WHEN the loop has time for them
    inbox.answer(freezer)
    # THEN what cannot be begun is answered at once, and the others when they are done, however they end
    with pytest.raises(UsageError, match="not a name"):
        replies["bad"].result(0)
    assert not replies["good"].done()
    freezer.begun["good"].set_result(RESULT)
    assert replies["good"].result(0) is RESULT
    freezer.begun["late"].set_exception(UsageError("too late"))
    with pytest.raises(UsageError, match="too late"):
        replies["late"].result(0)
    # AND none is begun twice
    inbox.answer(freezer)
    assert set(freezer.begun) == {"good", "late"}
