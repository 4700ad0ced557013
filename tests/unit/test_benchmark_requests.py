import pytest

from benchmarks.instruments.load import Order, Requests, Template
from benchmarks.instruments.raw import content_length


def test_a_number_and_its_lane_are_filled_in_with_all_their_digits() -> None:
    template = Template('{"n":"@NUMBER@","to":"e@LANE@","100%":1}', lanes=7)

    assert template.fill(15) == '{"n":"0000000015","to":"e00001","100%":1}'


def test_a_request_has_its_number_in_head_and_body_and_says_its_length() -> None:
    order = Order(port=80, path="/events", headers={"Idempotency-Key": "@NUMBER@"}, line='{"n":@NUMBER@}', first=40)

    assert Requests(order)[2] == (
        b"POST /events HTTP/1.1\r\nHost: 127.0.0.1:80\r\nIdempotency-Key: 0000000042\r\nContent-Length: 16\r\n\r\n"
        b'{"n":0000000042}'
    )


def test_a_batch_holds_the_events_that_follow_those_of_the_batch_before() -> None:
    order = Order(port=80, path="/", headers={}, line="@NUMBER@", opening="[", between=",", closing="]", batch=2)

    assert Requests(order)[3].endswith(b"\r\n\r\n[0000000006,0000000007]")


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\nx: y", 12),
        (b"HTTP/1.1 200 OK\r\nContent-Length:7", 7),
        (b"HTTP/1.1 204 No Content", 0),
    ],
)
def test_the_length_of_a_body_is_read_from_its_head(head: bytes, length: int) -> None:
    assert content_length(head, 0, len(head)) == length


def test_a_body_in_chunks_is_refused() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"

    with pytest.raises(ValueError, match="chunks"):
        content_length(head, 0, len(head))
