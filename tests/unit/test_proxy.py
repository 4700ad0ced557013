import pytest

from core.model.proxy import InvalidProxyError, Proxy, parse_proxy
from core.model.start_error import StartError
from core.settings import Settings
from core.starting import read_settings


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy.example:3128", Proxy("proxy.example", 3128)),
        ("http://10.0.0.1:80/", Proxy("10.0.0.1", 80)),
        ("http://[fd00::1]:3128", Proxy("fd00::1", 3128)),
        ("http://a:b@proxy.example:3128", Proxy("proxy.example", 3128, "Basic YTpi")),
        ("http://a@proxy.example:3128", Proxy("proxy.example", 3128, "Basic YTo=")),
    ],
)
def test_a_proxy_is_read(url: str, proxy: Proxy) -> None:
    assert parse_proxy(url) == proxy


@pytest.mark.parametrize(
    "url",
    [
        *("", "proxy.example:3128", "https://proxy.example:3128", "socks5://proxy.example:1080"),
        *("http://proxy.example", "http://:3128", "http://proxy.example:x", "http://proxy.example:70000"),
        *("http://proxy.example:3128/path", "http://proxy.example:3128?a", "http://[proxy:3128"),
    ],
)
def test_what_is_no_proxy_is_refused(url: str) -> None:
    with pytest.raises(InvalidProxyError):
        parse_proxy(url)


def test_credentials_do_not_show_themselves() -> None:
    assert "YTpi" not in repr(parse_proxy("http://a:b@proxy.example:3128"))


@pytest.mark.parametrize("given", [{}, {"egress_proxy": ""}])
def test_there_is_no_proxy_unless_it_is_set(given: dict[str, str]) -> None:
    assert Settings.model_validate(given).proxy is None


def test_a_process_with_a_malformed_proxy_does_not_start_and_does_not_repeat_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RINGBACK_EGRESS_PROXY", "https://a:hunter2@proxy.example")

    with pytest.raises(StartError, match=r"RINGBACK_EGRESS_PROXY.*http://proxy.example:3128") as refused:
        read_settings()

    assert "hunter2" not in str(refused.value)
