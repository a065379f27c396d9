"""What a server serves is asked once per group and version; what it does not tell is tried."""

from __future__ import annotations

from typing import Any

import pytest

from formats.errors import UnavailableError
from formats.rows.kube_resources import OBJECT_RESOURCES
from recorder.kube.discovery import Discovery

SLICES = next(found for found in OBJECT_RESOURCES if len(found.served) > 1)


class Reply:
    """An answer to a GET."""

    def __init__(self, status: int, content: Any = None) -> None:
        self.status, self.content = status, content


class Server:
    """Answers by path, and remembers what was asked."""

    address, generation = "https://server", 1

    def __init__(self, replies: dict[str, list[Reply]]) -> None:
        self.replies, self.asked, self.reloads = replies, [], 0  # type: ignore[var-annotated]

    def get(self, path: str, timeout_s: float) -> Reply:
        assert timeout_s > 0
        self.asked.append(path)
        replies = self.replies.get(path) or [Reply(404)]
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def reload(self, generation: int) -> None:
        assert generation == self.generation
        self.reloads += 1


def serves(*plurals: str, verbs: tuple[str, ...] = ("list", "watch", "get")) -> Reply:
    return Reply(200, {"resources": [{"name": plural, "verbs": list(verbs)} for plural in plurals]})


def test_preferred_way_is_taken_and_asked_for_once() -> None:
    first, *_ = SLICES.served
    server = Server({first.group_path: [serves(first.plural)]})
    discovery = Discovery(server)  # type: ignore[arg-type]
    assert [discovery.find(SLICES) for _ in range(3)] == [first] * 3
    assert server.asked == [first.group_path]


def test_older_way_is_taken_where_the_preferred_one_is_not_served() -> None:
    first, second, *_ = SLICES.served
    server = Server({second.group_path: [serves(second.plural)]})
    assert Discovery(server).find(SLICES) == second  # type: ignore[arg-type]
    assert server.asked[0] == first.group_path


def test_resource_that_cannot_be_watched_is_not_served() -> None:
    replies = {served.group_path: [serves(served.plural, verbs=("get", "list"))] for served in SLICES.served}
    assert Discovery(Server(replies)).find(SLICES) is None  # type: ignore[arg-type]


def test_server_that_forbids_the_question_is_believed_to_serve() -> None:
    first, *_ = SLICES.served
    assert Discovery(Server({first.group_path: [Reply(403)]})).find(SLICES) == first  # type: ignore[arg-type]


def test_credentials_are_read_again_once_when_they_are_refused() -> None:
    first, *_ = SLICES.served
    server = Server({first.group_path: [Reply(401), serves(first.plural)]})
    assert Discovery(server).find(SLICES) == first  # type: ignore[arg-type]
    assert server.reloads == 1


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_other_answers_are_an_error_that_names_the_place(status: int) -> None:
    first, *_ = SLICES.served
    server = Server({first.group_path: [Reply(status, {"message": "no"})]})
    with pytest.raises(UnavailableError, match=str(status)) as caught:
        Discovery(server).find(SLICES)  # type: ignore[arg-type]
    assert first.group_path in str(caught.value)
