from hypothesis import given
from hypothesis import strategies as st

from broker.outbox import Outbox, Outgoing


def message(name: str, expires_s: float = 100, payload: bytes = b"x") -> Outgoing:
    return Outgoing(name, payload, False, expires_s)


def take_all(outbox: Outbox, now_s: float = 0) -> list[str]:
    names = []
    while taken := outbox.take(now_s):
        names.append(taken[1].topic)
    return names


def test_unacknowledged_messages_return_to_the_head_in_order() -> None:
    outbox = Outbox(10, 1_000)
    for name in "abcd":
        outbox.offer(message(name), 0)
    tickets = [taken[0] for _ in range(3) if (taken := outbox.take(0))]
    outbox.settle(tickets[1])
    outbox.restore()
    assert take_all(outbox) == ["a", "c", "d"]


def test_a_full_outbox_refuses_the_newest() -> None:
    outbox = Outbox(2, 1_000)
    assert outbox.offer(message("a"), 0)
    assert outbox.offer(message("b"), 0)
    assert not outbox.offer(message("c"), 0)
    assert take_all(outbox) == ["a", "b"]


def test_messages_in_flight_count_as_kept() -> None:
    outbox = Outbox(1, 1_000)
    outbox.offer(message("a"), 0)
    taken = outbox.take(0)
    assert taken is not None
    assert not outbox.offer(message("b"), 0)
    outbox.settle(taken[0])
    assert outbox.offer(message("b"), 0)


def test_bytes_are_bounded_too() -> None:
    outbox = Outbox(10, 100)
    assert outbox.offer(message("a", payload=bytes(60)), 0)
    assert not outbox.offer(message("b", payload=bytes(41)), 0)
    assert outbox.offer(message("c", payload=bytes(40)), 0)


def test_expired_messages_make_room_and_are_counted() -> None:
    outbox = Outbox(2, 1_000)
    outbox.offer(message("a", expires_s=5), 0)
    outbox.offer(message("b", expires_s=50), 0)
    assert outbox.offer(message("c"), 5)
    assert outbox.expired == 1
    assert take_all(outbox, 5) == ["b", "c"]


def test_an_expired_message_is_not_handed_out() -> None:
    outbox = Outbox(2, 1_000)
    outbox.offer(message("a", expires_s=5), 0)
    assert outbox.take(5) is None
    assert len(outbox) == 0
    assert outbox.expired == 1


@given(st.lists(st.sampled_from(["offer", "take", "settle", "restore"]), max_size=200))
def test_every_message_ends_exactly_once_and_in_order(steps: list[str]) -> None:
    outbox = Outbox(50, 50)
    offered, settled = [], []
    in_flight = []
    for number, step in enumerate(steps):
        if step == "offer" and outbox.offer(message(str(number)), 0):
            offered.append(str(number))
        elif step == "take" and (taken := outbox.take(0)):
            in_flight.append(taken)
        elif step == "settle" and in_flight:
            ticket, oldest = in_flight.pop(0)
            outbox.settle(ticket)
            settled.append(oldest.topic)
        elif step == "restore":
            outbox.restore()
            in_flight.clear()
    outbox.restore()
    assert settled + take_all(outbox) == offered
