"""Hypothesis strategies for answers between right and wrong: bytes, how they come, and how the connection ends."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.support.answers import Answer, Reset

_ENDS = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"\r\r\n"])
_VERSIONS = st.sampled_from(
    [b"HTTP/1.1"] * 12 + [b"HTTP/1.0", b"http/1.1", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/1.10", b"ICY"]
)
_CODES = st.sampled_from(
    [b"200"] * 6
    + [
        b"201",
        b"204",
        b"304",
        b"404",
        b"500",
        b"503",
        b"999",
        b"600",
        b"099",
        b"20",
        b"2000",
        b"100",
        b"101",
        b"103",
        b"20x",
        b"+20",
    ]
)
_REASONS = st.sampled_from([b" OK"] * 8 + [b"", b" ", b"  two", b" \xff", b" a\x00b", b" a\tb", b"\tOK"])
_LENGTHS = st.sampled_from(
    [
        *(b"0", b"2", b"5", b"5", b"9", b"20000", b"+5", b"-1", b"5,6", b"5 5", b"0x5", b"005", b" 5 ", b"", b"5\t"),
        *(b"18446744073709551615", b"9" * 30),
    ]
)
_CODINGS = st.sampled_from(
    [b"chunked"] * 4
    + [
        b"Chunked",
        b" chunked ",
        b"gzip",
        b"gzip, chunked",
        b"chunked, chunked",
        b"identity",
        b"",
        b"chunked;a=b",
        b"chunked,",
    ]
)
_CONNECTIONS = st.sampled_from([b"close", b"keep-alive", b"upgrade", b"Close, x", b"x"])
_NAMES = st.sampled_from(
    [b"X-A"] * 6 + [b"x_a", b"X A", b" X-A", b"X-A ", b"", b"\xe9", b"X\x00", b"X\t", b"(x)", b"X-A;"]
)
_VALUES = st.sampled_from(
    [
        b"1",
        b"",
        b"  1  ",
        b"\xff\xfe",
        b"a\x00b",
        b"a\rb",
        b"a\x7f",
        b"a\x01b",
        b"a\tb",
        b"x" * 300,
        b"1\r\n folded",
        b"\r\n\tfolded",
    ]
)
_LINES = st.one_of(
    st.tuples(st.sampled_from([b"Content-Length", b"content-length", b"CONTENT-LENGTH"]), _LENGTHS),
    st.tuples(st.sampled_from([b"Transfer-Encoding", b"transfer-encoding"]), _CODINGS),
    st.tuples(st.just(b"Connection"), _CONNECTIONS),
    st.tuples(st.just(b"Upgrade"), st.just(b"x")),
    st.tuples(_NAMES, _VALUES),
)
_COLONS = st.sampled_from([b": "] * 8 + [b":", b" : ", b"", b":\t"])


@st.composite
def _heads(draw: st.DrawFn) -> bytes:
    end = draw(_ENDS)
    lines = [draw(_VERSIONS) + b" " + draw(_CODES) + draw(_REASONS)]
    lines += [name + draw(_COLONS) + value for name, value in draw(st.lists(_LINES, max_size=4))]
    return end.join(lines) + end + end


_SIZES = st.sampled_from(
    [b"%x", b"%x", b"%x", b"%X", b"0%x", b"%x ", b" %x", b"+%x", b"0x%x", b"%x;a=b", b"%x;", b"%x\t", b'%x;a="\r\n"']
)
_PIECES = st.binary(min_size=1, max_size=20)


@st.composite
def _chunks(draw: st.DrawFn) -> bytes:
    end = draw(st.sampled_from([b"\r\n"] * 8 + [b"\n", b"\r"]))
    whole = b""
    for piece in draw(st.lists(_PIECES, max_size=3)):
        whole += (draw(_SIZES) % len(piece)) + end + piece + draw(st.sampled_from([end] * 8 + [b"", b"x\r\n"]))
    last = draw(st.sampled_from([b"0"] * 6 + [b"00", b"0;a", b"", b"-0", b"g", b"f" * 21]))
    trailer = draw(
        st.sampled_from([b""] * 4 + [b"X-T: 1" + end, b"bad" + end, b"Content-Length: 7" + end, b" x: y" + end])
    )
    return whole + last + end + trailer + draw(st.sampled_from([end] * 6 + [b""]))


_BODIES = st.one_of(st.just(b""), _PIECES, _chunks(), st.just(b"x" * 5), st.just(b"y" * 20_000))
_BEFORE = st.sampled_from(
    [b""] * 12
    + [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Hints\r\nlink: a\r\n\r\n" * 3,
        b"\r\n",
        b"\r\n\r\n\r\n",
        b"\n",
        b" ",
    ]
    + [b"HTTP/1.1 102 P\r\ntransfer-encoding: chunked\r\n\r\n"]
    + [b"HTTP/1.1 100 Continue\r\nconnection: close\r\n\r\n", b"HTTP/1.0 100 Continue\r\n\r\n"]
)


@st.composite
def _spoilt(draw: st.DrawFn, whole: bytes) -> bytes:
    """Cut an answer at any byte, change one, put one in, or leave it."""
    how = draw(st.sampled_from(["leave"] * 5 + ["cut", "cut", "change", "insert"]))
    place = draw(st.integers(0, min(len(whole), 400)))
    byte = bytes([draw(st.sampled_from([0, 9, 10, 13, 32, 44, 48, 58, 59, 127, 255]))])
    match how:
        case "cut":
            return whole[:place]
        case "change":
            return whole[:place] + byte + whole[place + 1 :]
        case "insert":
            return whole[:place] + byte + whole[place:]
        case _:
            return whole


@st.composite
def raw_answers(draw: st.DrawFn) -> bytes:
    """Make the bytes of an answer."""
    after = draw(st.sampled_from([b""] * 8 + [b"\r\n", b"x", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]))
    return draw(_spoilt(draw(_BEFORE) + draw(_heads()) + draw(_BODIES) + after))


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Make an answer that comes whole or in drips, and whose connection then stays, ends or is reset."""
    ending = draw(st.sampled_from(["close"] * 6 + ["reset", "open"]))
    size = draw(st.sampled_from([None, None, 1, 7, 64]))
    raw = draw(raw_answers()) + (b"" if ending == "close" else b"\r\n\r\n")  # h11 judges whole lines only
    return Answer(
        raw=raw,
        drip=None if size is None or len(raw) > 1000 else (size, 0.0),
        close=ending == "close",
        reset=Reset.AT_THE_END if ending == "reset" else None,
    )


def many(strategy: SearchStrategy[Answer], most: int) -> SearchStrategy[list[Answer]]:
    """Make several at once, for a test that plays them side by side."""
    return st.lists(strategy, min_size=1, max_size=most)
