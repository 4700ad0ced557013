"""Calling as a page of the dashboard does: with a cookie, an origin and the token that changes want."""

from dataclasses import dataclass

import httpx

from tests.support.accounts import Json, client_of, document

COOKIE = "__Host-ringback"


@dataclass(frozen=True)
class Page:
    """A page that is signed in."""

    client: httpx.AsyncClient
    session: Json
    headers: dict[str, str]
    """What a browser and the page's script put on each request."""

    async def get(self, path: str, **params: str) -> httpx.Response:
        """Read."""
        return await self.client.get(path, params=params, headers=self.headers)

    async def send(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """Change something."""
        changed = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, path, json=body, headers=changed)


def token_in(answer: httpx.Response) -> str:
    """Return the token in the cookie that an answer sets."""
    return answer.headers["set-cookie"].partition(";")[0].partition("=")[2]


async def exchange(base_url: str, credential: str) -> httpx.Response:
    """Exchange a key, or a link's token."""
    async with client_of(base_url, credential) as client:
        return await client.post("/v1/session")


async def sign_in(base_url: str, credential: str) -> Page:
    """Sign in; a real browser keeps the cookie, here it is sent by hand: it is `Secure`, and this is plain HTTP."""
    answer = await exchange(base_url, credential)
    session = dict(document(answer))
    headers = {
        "Cookie": f"{COOKIE}={token_in(answer)}",
        "Origin": base_url.rstrip("/"),
        "Sec-Fetch-Site": "same-origin",
        "Ringback-CSRF": session["csrf_token"],
    }
    return Page(client_of(base_url, None), {**session}, headers)
