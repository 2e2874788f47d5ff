import socket
import threading

import pytest

from tritgolf.evaluate.no_network import NetworkForbiddenError, network_state, no_network

# Addresses of RFC 5737 and 3849 that lead nowhere; the guard must refuse before anything is sent.
OUTSIDE, OUTSIDE6 = ("192.0.2.1", 9), ("2001:db8::1", 9)


@pytest.fixture
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        yield opened


def test_loopback_works_inside():
    with (
        no_network(),
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        accepted, _ = server.accept()
        client.sendall(b"hello")
        assert accepted.recv(5) == b"hello"
        accepted.close()


def test_unix_sockets_work_inside():
    with no_network():
        one, other = socket.socketpair()
        one.sendall(b"x")
        assert other.recv(1) == b"x"
        one.close()
        other.close()


@pytest.mark.parametrize("reach", [
    lambda s: s.connect(OUTSIDE),
    lambda s: s.connect_ex(OUTSIDE),
    lambda s: s.sendto(b"x", OUTSIDE),
    lambda s: s.sendmsg([b"x"], [], 0, OUTSIDE),
    lambda s: s.bind(("0.0.0.0", 0)),
    lambda s: socket.create_connection(("192.0.2.1", 80), timeout=1),
    lambda s: socket.getaddrinfo("example.invalid", 80),
    lambda s: socket.gethostbyname("example.invalid"),
])  # fmt: skip
def test_everything_else_is_refused(reach, udp):
    with no_network(), pytest.raises(NetworkForbiddenError):
        reach(udp)


def test_ipv6_is_refused_but_its_loopback():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as opened, no_network():
        with pytest.raises(NetworkForbiddenError):
            opened.connect(OUTSIDE6)
        assert socket.getaddrinfo("::1", 80)


def test_a_name_imported_before_is_covered():
    from socket import create_connection  # noqa: PLC0415

    with no_network(), pytest.raises(NetworkForbiddenError):
        create_connection(OUTSIDE)


def test_other_threads_are_covered():
    caught = []

    def reach():
        try:
            socket.getaddrinfo("example.invalid", 80)
        except NetworkForbiddenError as error:
            caught.append(error)

    with no_network():
        thread = threading.Thread(target=reach)
        thread.start()
        thread.join()
    assert caught


def test_the_guard_ends_with_its_block_even_nested_and_after_an_error(udp):
    with pytest.raises(ZeroDivisionError), no_network(), no_network():
        raise ZeroDivisionError
    udp.bind(("0.0.0.0", 0))


def test_an_inner_block_does_not_open_the_outer_one(udp):
    with no_network():
        with no_network():
            pass
        with pytest.raises(NetworkForbiddenError):
            udp.connect(OUTSIDE)


def test_the_state_can_be_asked():
    assert network_state() == "open"
    with no_network():
        assert network_state() == "blocked"
    assert network_state() == "open"


def test_it_is_not_an_oserror():
    assert not issubclass(NetworkForbiddenError, OSError)
