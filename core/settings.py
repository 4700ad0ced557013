"""Every setting, read once from the environment and passed in.

`docs/configuration.md` is generated from this class.
"""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.model.proxy import Proxy, parse_proxy
from core.model.retry import DEFAULT_SCHEDULE
from core.model.start_error import StartError

Network = IPv4Network | IPv6Network
_LOOPBACK: Final = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
SenderName = Literal["wire", "httpx"]


class Settings(BaseSettings):
    """Environment variables with the prefix `RINGBACK_`; lists are separated by commas."""

    model_config = SettingsConfigDict(env_prefix="RINGBACK_", frozen=True, extra="ignore")

    host: str = Field(default="127.0.0.1", description="Address that the API listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port that the API listens on.")
    data_dir: Path = Field(default=Path(".ringback"), description="Where `ringback up` keeps its data.")
    database_url: str | None = Field(
        default=None, description="`postgresql://…`; unset: `ringback up` starts its own Postgres."
    )
    broker_url: str | None = Field(
        default=None, description="`amqp://…` for RabbitMQ; unset: `ringback up` uses its own Redis."
    )
    redis_url: str | None = Field(
        default=None, description="`redis://…` or `unix://…`; unset: `ringback up` starts its own Redis."
    )
    operator_key: SecretStr | None = Field(
        default=None, description="The operator's API key; unset: `ringback up` makes one in `DATA_DIR/operator.key`."
    )
    secret_keys: SecretStr | None = Field(
        default=None,
        description="Key ring for encryption at rest: base64 of 32 bytes each, the first one encrypts; "
        "unset: `ringback up` makes one in `DATA_DIR/secret.keys`, anything else refuses to start.",
    )
    public_url: str | None = Field(
        default=None, description="Where clients reach the API, for links; unset: links are relative."
    )
    portal_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins (`https://app.example.com`) whose pages may show the portal in a frame."
    )
    portal_name: str = Field(default="Webhooks", max_length=60, description="What the portal calls itself.")
    portal_accent: str | None = Field(
        default=None, pattern="^#[0-9a-fA-F]{6}$", description="The portal's colour, `#rrggbb`; unset: Ringback's own."
    )
    portal_scheme: Literal["auto", "light", "dark"] = Field(
        default="auto", description="Whether the portal is light or dark; `auto`: as its viewer prefers."
    )
    allow_targets: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(), description="Networks that deliveries may reach in spite of the address guard."
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=_LOOPBACK,
        description="Networks of proxies in front, whose `X-Forwarded-For` and `X-Forwarded-Proto` the API believes: "
        "requests without a valid key are counted by the client's address.",
    )
    egress_proxy: SecretStr | None = Field(
        default=None,
        description="`http://[user:password@]host:port`, an HTTP proxy that deliveries and `http.fetch` tunnel through "
        "(`CONNECT`); unset: none. Proxies that the environment names are never used.",
    )
    https_only: bool = Field(default=True, description="Refuse `http://` endpoints; off under `ringback up`.")
    retry_schedule: Annotated[tuple[int, ...], NoDecode] = Field(
        default=DEFAULT_SCHEDULE, description="Seconds between attempts, for endpoints that bring no schedule."
    )
    timeout: int = Field(default=15, ge=1, le=30, description="Seconds that one attempt may take in all.")
    disable_after: int = Field(
        default=432_000, ge=1, description="Seconds that an endpoint may only fail until it is disabled."
    )
    lease: int = Field(default=15, ge=1, description="Seconds; a lease is the endpoint's timeout plus this.")
    feed_interval: float = Field(default=1.0, gt=0, description="Seconds that an idle feeder pauses.")
    sender: SenderName = Field(
        default="wire",
        description="What sends the requests: HTTP/1.1 code of Ringback's own, or httpx; the guards are the same.",
    )
    task_modules: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Modules whose task types the workers offer, beside the built-in ones."
    )
    worker_concurrency: int = Field(default=2, ge=1, description="Tasks that one worker process tree runs at once.")
    max_in_flight: int = Field(default=5000, ge=1, description="Requests that one deliverer keeps on the wire.")
    max_in_flight_per_host: int | None = Field(
        default=None,
        ge=1,
        description="Of these, to one host, whosever they are; unset: half of `MAX_IN_FLIGHT`. "
        "An endpoint that is new to the process may go beyond it with one.",
    )
    max_bytes_in_flight: int = Field(
        default=67_108_864,
        ge=1_048_576,
        description="Bytes of bodies that one deliverer holds of what is on the wire; what is beyond it waits. "
        "One tenant has a third of what is free: a quarter of all, if it is alone.",
    )
    retention_days: int = Field(
        default=30, ge=1, description="Days that weeks are kept while there is no tenant; each has its own limit."
    )
    result_ttl: int = Field(
        default=86_400,
        ge=1,
        description="Seconds that Redis keeps a task's result; one that stands in Postgres too, up to 16 KiB, "
        "ten minutes at most.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
    log_format: Literal["json", "console"] = Field(default="json", description="How log lines look.")

    @property
    def host_cap(self) -> int:
        """How many requests one deliverer keeps on the wire to one host."""
        return self.max_in_flight_per_host or max(1, self.max_in_flight // 2)

    @property
    def base_url(self) -> str:
        """What goes in front of the links of documents: nothing, if nobody said where clients reach the API."""
        return (self.public_url or "").rstrip("/")

    @property
    def proxy(self) -> Proxy | None:
        """The way out, if there is one."""
        return parse_proxy(self.egress_proxy.get_secret_value()) if self.egress_proxy else None

    @field_validator("egress_proxy")
    @classmethod
    def _proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and value.get_secret_value():
            parse_proxy(value.get_secret_value())
            return value
        return None

    @field_validator("allow_targets", "trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        return tuple(ip_network(part) for part in _parts(value)) if isinstance(value, str) else value

    @field_validator("database_url", "broker_url", "redis_url")
    @classmethod
    def _urls(cls, value: str | None) -> str | None:
        if value and not all(_is_url(part) for part in value.split(";")):  # of a broker there may be several
            raise ValueError("it is no URL; in a user or password /, ?, # and @ are written %2F, %3F, %23 and %40")
        return value

    @field_validator("portal_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(_ORIGIN.fullmatch(origin) is None for origin in value):
            raise ValueError("an origin is a scheme, a host and perhaps a port, without a path")
        return value

    @field_validator("retry_schedule", "task_modules", "portal_origins", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        return _parts(value) if isinstance(value, str) else value

    @field_validator("retry_schedule")
    @classmethod
    def _positive(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(seconds < 1 for seconds in value):
            raise ValueError("each step lasts a second at least")
        return value


class MissingSettingError(StartError):
    """A process cannot start without this setting."""

    def __init__(self, name: str) -> None:
        super().__init__(f"RINGBACK_{name} is not set; `ringback up` sets it for the processes that it starts")


def require(value: str | None, name: str) -> str:
    """Return a setting that this process cannot do without; raise `MissingSettingError` if it is unset."""
    if not value:
        raise MissingSettingError(name)
    return value


def require_secret(value: SecretStr | None, name: str) -> str:
    """Return a secret setting that this process cannot do without."""
    return require(value.get_secret_value() if value else None, name)


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return "://" in value and bool(parts.scheme) and parts.port != 0
    except ValueError:
        return False


def _parts(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())
