"""An endpoint as it is shown, and as a change of it is read (RFC 7396)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, cast

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import JsonValue, ValidationError

from api.answers import is_expected
from api.deps import TenantCaller
from api.errors import ProblemError
from api.schemas.endpoints import READ_ONLY, EndpointIn, EndpointOut, EndpointPatch
from core.model.errors import FieldError, InvalidInputError
from core.model.header_rules import mask
from core.model.merge_patch import merge_patch
from core.model.signature import Scheme
from core.registry.endpoints import EndpointRecord, EndpointWish
from core.registry.register_endpoints import EndpointRegistrar
from core.settings import Settings

_DEFAULTED: Final = {"retry_policy": "retry_schedule", "timeout": "timeout"}
"""What is shown as the platform's default where the endpoint names none, by the column that is empty then."""


def shown(endpoint: EndpointRecord, registrar: EndpointRegistrar, settings: Settings) -> EndpointOut:
    """Return the endpoint as its document shows it."""
    schedule = settings.retry_schedule if endpoint.retry_schedule is None else endpoint.retry_schedule
    values: dict[str, object] = {name: getattr(endpoint, name, None) for name in EndpointOut.model_fields}
    values |= {
        "url": endpoint.url or None,
        "headers": mask(registrar.headers(endpoint)),
        "retry_policy": {"schedule": list(schedule)},
        "timeout": endpoint.timeout or settings.timeout,
    }
    return EndpointOut.model_validate(values)


def wished(body: EndpointIn, owner: str | None) -> EndpointWish:
    """Return what a body asks for."""
    return EndpointWish(
        mode=body.mode,
        url=body.url or "",
        event_types=body.event_types or (),
        description=body.description,
        headers=body.headers or {},
        signature=Scheme(body.signature),
        rate_limit=body.rate_limit,
        max_in_flight=body.max_in_flight,
        ordering=body.ordering,
        retry_schedule=None if body.retry_policy is None else body.retry_policy.schedule,
        timeout=body.timeout,
        send_traceparent=body.send_traceparent,
        filter=body.filter,
        owner=owner,
        metadata=body.metadata,
    )


_FIXED: Final = READ_ONLY - {"mode"}
"""What a changed endpoint is not validated with; how it is reached says what else it may have."""


class Revision:
    """A patch, to be applied to the endpoint as it is when its turn comes."""

    def __init__(
        self,
        request: Request,
        body: EndpointPatch,
        caller: TenantCaller,
        registrar: EndpointRegistrar,
        settings: Settings,
    ) -> None:
        self._request: Final = request
        self._given: Final[dict[str, JsonValue]] = body.model_dump(mode="json", exclude_unset=True)
        self._caller: Final = caller
        self._registrar: Final = registrar
        self._settings: Final = settings

    def __call__(self, endpoint: EndpointRecord) -> EndpointWish:
        """Return what the endpoint shall be.

        Raises a 412 if it is not the one that `If-Match` names, and `InvalidInputError` or `RequestValidationError`
        for what it cannot be.
        """
        document: dict[str, JsonValue] = shown(endpoint, self._registrar, self._settings).model_dump(mode="json")
        if not is_expected(self._request, document):
            detail = "The endpoint is not the one that If-Match names: it has changed."
            raise ProblemError(HTTPStatus.PRECONDITION_FAILED, "precondition-failed", detail)
        self._check_read_only(document)
        unset = {name for name, column in _DEFAULTED.items() if getattr(endpoint, column) is None}
        target = {name: value for name, value in document.items() if name not in _FIXED | unset}
        body = _validated(merge_patch(target, self._patch(document)))
        return wished(body, self._caller.owner_for(body))

    def _check_read_only(self, document: Mapping[str, JsonValue]) -> None:
        moved = sorted(name for name in READ_ONLY & set(self._given) if self._given[name] != document[name])
        if moved:
            raise InvalidInputError(*(FieldError(f"/{name}", "It cannot be changed here.") for name in moved))

    def _patch(self, document: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return what is to be merged; header names keep the spelling that they have: their case says nothing."""
        patch = {name: value for name, value in self._given.items() if name not in READ_ONLY}
        headers = patch.get("headers")
        if isinstance(headers, dict):
            spelt = {name.lower(): name for name in cast("dict[str, JsonValue]", document["headers"])}
            patch["headers"] = {spelt.get(name.lower(), name): value for name, value in headers.items()}
        policy = patch.get("retry_policy")
        if isinstance(policy, dict) and policy.get("schedule") is None:
            del patch["retry_policy"]
            return patch | ({"retry_policy": None} if "schedule" in policy else {})
        return patch


def _validated(merged: object) -> EndpointIn:
    try:
        return EndpointIn.model_validate(merged)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
