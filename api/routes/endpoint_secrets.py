"""The signing secrets of endpoints."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api.bodies import StrictRoute
from api.deps import EndpointsDep, NamedEndpoint, TenantCaller, scoped
from api.idempotency import OnceDep
from api.schemas.endpoints import EndpointSecretOut, RotateIn

router = APIRouter(route_class=StrictRoute, tags=["endpoints"])


async def _no_store(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"


@router.get("/v1/endpoints/{endpoint}/secret", dependencies=[Depends(_no_store)])
async def read_secret(
    endpoint: NamedEndpoint,
    endpoints: EndpointsDep,
    caller: Annotated[TenantCaller, Depends(scoped("secrets:read", owners=True))],
) -> EndpointSecretOut:
    """Read what an endpoint's requests are verified with: its secret, or of `ed25519` the public key."""
    return EndpointSecretOut.model_validate(await endpoints.secret(caller.tenant_id, caller.owner, endpoint))


@router.post("/v1/endpoints/{endpoint}/secret/rotate", dependencies=[Depends(_no_store)])
async def rotate_secret(
    endpoint: NamedEndpoint,
    endpoints: EndpointsDep,
    caller: Annotated[TenantCaller, Depends(scoped("endpoints:write", owners=True))],
    once: OnceDep,
    body: RotateIn | None = None,
) -> EndpointSecretOut:
    """Replace an endpoint's secret, and show the new one. The old one signs beside it during the overlap.

    Those before it end with the overlap, too. Ten secrets sign at a time; one more ends the oldest.
    """
    wanted = body or RotateIn()
    made = await endpoints.rotate(
        caller.tenant_id, caller.owner, endpoint, once, overlap=wanted.overlap, secret=wanted.secret
    )
    return EndpointSecretOut.model_validate(made)
