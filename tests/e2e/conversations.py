"""What the tests of the whole say to the product, and wait for."""

from typing import cast

import httpx

from tests.support.repeating import answered
from tests.support.stack import Stack, eventually

Json = dict[str, object]


def submit(stack: Stack, type_: str = "math.divide", **more: object) -> httpx.Response:
    body = {"type": type_, "input": {"x": 22, "y": 7}, **more}
    return answered(stack.client, "POST", "/v1/tasks", body=body)


def ended(stack: Stack, path: str) -> Json:
    def look() -> Json:
        answer = stack.client.get(path)
        assert answer.status_code == 200, answer.text
        return cast("Json", answer.json())

    return eventually(look, within=90)


def started(stack: Stack, path: str) -> None:
    reached(stack, path, "STARTED")


def reached(stack: Stack, path: str, status: str) -> None:
    def look() -> None:
        assert stack.client.get(path).json()["status"] == status

    eventually(look)


def delivery(stack: Stack, status: str) -> Json:
    def look() -> Json:
        found = cast("list[Json]", stack.get("/v1/deliveries")["data"])
        assert [one["status"] for one in found] == [status]
        return found[0]

    return eventually(look, within=90)


def attempts(stack: Stack, of: Json) -> list[Json]:
    return cast("list[Json]", stack.get(f"/v1/deliveries/{of['id']}/attempts")["data"])


def outcomes(stack: Stack, of: Json) -> list[object]:
    return [one["outcome"] for one in attempts(stack, of)]


def default_secret(stack: Stack) -> str:
    return cast("str", stack.get("/v1/secret")["secret"])
