"""What a partner does: registers endpoints, and looks at them."""

import httpx

from tests.support.accounts import Json

HOOK = "http://127.0.0.1:9999/hook"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
# The private half of the published Ed25519 vector, from the documentation of the Svix server.
PRIVATE_KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC_KEY = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


async def register(client: httpx.AsyncClient, **wish: object) -> httpx.Response:
    """Ask for an endpoint."""
    return await client.post("/v1/endpoints", json={"url": HOOK, **wish})


async def registered(client: httpx.AsyncClient, **wish: object) -> Json:
    """Make an endpoint; return it with its secret."""
    answer = await register(client, **wish)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def path_of(endpoint: Json, action: str = "") -> str:
    """Return where an endpoint is, or what is done with it."""
    return f"/v1/endpoints/{endpoint['id']}{action}"


async def seen(client: httpx.AsyncClient, endpoint: Json) -> Json:
    """Read an endpoint."""
    answer = await client.get(path_of(endpoint))
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def changed(client: httpx.AsyncClient, endpoint: Json, **patch: object) -> Json:
    """Change an endpoint; return it as it is then."""
    answer = await client.patch(path_of(endpoint), json=patch)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found
