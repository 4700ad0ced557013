import asyncio
from ipaddress import IPv4Network
from uuid import UUID

import pytest

from core.model.addresses import Address
from core.model.errors import FieldError, InvalidInputError
from core.model.targets import InvalidTargetError
from core.registry import callbacks
from core.registry.callbacks import Callbacks
from tests.support.names import FixedNames

TENANT = UUID(int=7)
NAMES = FixedNames(
    {
        "public.example": ("8.8.8.8", "2606:4700::1111"),
        "private.example": ("10.0.0.5",),
        "mixed.example": ("8.8.8.8", "169.254.169.254"),
        "mapped.example": ("::ffff:127.0.0.1",),
    }
)


def callback(*allowed: str, https_only: bool = True) -> Callbacks:
    return Callbacks(NAMES, allowed=tuple(map(IPv4Network, allowed)), https_only=https_only)


async def refusal(of: Callbacks, url: str) -> FieldError:
    with pytest.raises(InvalidInputError) as refused:
        await of.check(url, pointer="/url", tenant_id=TENANT)
    (error,) = refused.value.errors
    return error


async def test_a_name_that_resolves_to_public_addresses_is_taken_in_its_canonical_form() -> None:
    url = await callback().check("HTTPS://Public.Example:443/Hook", pointer="/url", tenant_id=TENANT)

    assert url == "https://public.example/Hook"


@pytest.mark.parametrize("name", ["private", "mixed", "mapped"])
async def test_a_name_that_resolves_to_a_forbidden_address_is_refused_in_the_words_of_a_literal_one(name: str) -> None:
    of_name = await refusal(callback(), f"https://{name}.example/")
    of_address = await refusal(callback(), "https://10.0.0.5/")

    assert of_name == of_address == FieldError("/url", InvalidTargetError.forbidden().reason)


async def test_a_name_that_does_not_resolve_yet_is_taken() -> None:
    url = await callback().check("https://later.example/", pointer="/url", tenant_id=TENANT)

    assert url == "https://later.example/"


async def test_an_allowed_network_opens_the_names_in_it() -> None:
    url = await callback("10.0.0.0/8").check("https://private.example/", pointer="/url", tenant_id=TENANT)

    assert url == "https://private.example/"


@pytest.mark.parametrize(("https_only", "count"), [(True, 1), (False, 0)])
async def test_plain_http_is_taken_only_where_the_operator_says_so(*, https_only: bool, count: int) -> None:
    checked = await asyncio.gather(
        callback(https_only=https_only).check("http://public.example/", pointer="/url", tenant_id=TENANT),
        return_exceptions=True,
    )

    assert sum(isinstance(one, InvalidInputError) for one in checked) == count


async def test_a_literal_address_is_judged_without_being_resolved() -> None:
    before = len(NAMES.asked)

    await callback().check("https://8.8.8.8/", pointer="/url", tenant_id=TENANT)

    assert len(NAMES.asked) == before


class Silent:
    """A resolver whose name servers never answer."""

    async def resolve(self, host: str, *, lane: UUID, tenant: UUID) -> tuple[Address, ...]:
        """Wait for ever."""
        assert (host, lane, tenant) == ("slow.example", TENANT, TENANT)
        return await asyncio.get_running_loop().create_future()

    async def aclose(self) -> None:
        """Do nothing."""


async def test_a_name_whose_servers_do_not_answer_holds_up_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "RESOLVE_TIMEOUT", 0.01)
    silent = Callbacks(Silent(), allowed=(), https_only=True)

    assert await silent.check("https://slow.example/", pointer="/url", tenant_id=TENANT) == "https://slow.example/"
