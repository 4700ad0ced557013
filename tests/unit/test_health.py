"""The script by which containers are asked whether they are well."""

from deploy.health import connected_ports

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
STANDING = "   0: 0500A8C0:A3B2 0200A8C0:1538 01 00000000:00000000 02:00000A2F 00000000 10001        0 4242 2\n"
CLOSING = "   1: 0500A8C0:A3B4 0300A8C0:1628 06 00000000:00000000 03:00000A2F 00000000     0        0 0 3\n"
BY_IPV6 = (
    "   0: 0000000000000000FFFF00000500A8C0:A3B6 0000000000000000FFFF00000300A8C0:1628 01 "
    "00000000:00000000 00:00000000 00000000 10001        0 4243 1\n"
)


def test_a_connection_that_stands_counts_by_its_remote_port() -> None:
    assert connected_ports([HEAD + STANDING]) == {5432}


def test_a_connection_that_is_being_closed_does_not_count() -> None:
    assert connected_ports([HEAD + CLOSING]) == set()


def test_connections_by_both_protocols_count() -> None:
    assert connected_ports([HEAD + STANDING, HEAD + BY_IPV6]) == {5432, 5672}
