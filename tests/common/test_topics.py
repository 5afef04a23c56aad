"""Topics: written, read, and nonsense refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import NO_NETWORK, NetworkId, is_name
from common.refusal import Refusal, RefusedError
from common.topics import (
    PROVIDER_FILTERS,
    Broadcast,
    Channel,
    Topic,
    broadcast,
    broadcast_filter,
    down,
    inbox_filter,
    leaves,
    parse,
    presence,
    register,
    result,
    tunnel,
    up,
)
from tests.common.strategies import moderate, names, networks

_topics = st.one_of(
    st.builds(Topic, st.just(Channel.REGISTER), st.just(NO_NETWORK), names),
    st.builds(
        Topic, st.sampled_from([channel for channel in Channel if channel is not Channel.REGISTER]), networks, names
    ),
)


def _matches(pattern: str, topic: str) -> bool:
    """MQTT 5 section 4.7.1, single-level wildcards only."""
    levels, given_ = pattern.split("/"), topic.split("/")
    return len(levels) == len(given_) and all(a in ("+", b) for a, b in zip(levels, given_, strict=True))


@moderate
@given(_topics)
def test_parse_inverts_writing(topic: Topic) -> None:
    assert parse(str(topic)) == topic


@moderate
@given(st.one_of(st.text(max_size=40), st.lists(st.text("dcnet/17up+#-\n ", max_size=6)).map("/".join)))
def test_arbitrary_text_is_read_or_refused(text: str) -> None:
    for given_ in (text, f"dcnet/1/{text}", f"dcnet/1/7/{text}"):
        try:
            topic = parse(given_)
        except RefusedError as refused:
            assert refused.reason is Refusal.WRONG_TOPIC
        else:
            assert str(topic) == given_
            assert is_name(topic.name)
            assert 0 <= topic.network < 2**32


@moderate
@given(_topics, st.integers(0, 100), st.sampled_from("/+#A \x00\n"))
def test_a_topic_with_one_wrong_character_is_refused(topic: Topic, at: int, wrong: str) -> None:
    text = str(topic)
    at %= len(text) + 1
    with pytest.raises(RefusedError):
        parse(text[:at] + wrong + text[at:])


@moderate
@given(networks, names)
def test_each_function_writes_its_own_channel(network: NetworkId, name: str) -> None:
    assert parse(register(name)) == Topic(Channel.REGISTER, NO_NETWORK, name)
    assert parse(up(network, name)) == Topic(Channel.UP, network, name)
    assert parse(down(network, name)) == Topic(Channel.DOWN, network, name)
    assert parse(tunnel(network, name)) == Topic(Channel.TUNNEL, network, name)
    for what in Broadcast:
        assert parse(broadcast(network, what)) == Topic(Channel.ALL, network, what.value)


@moderate
@given(networks, st.integers(0, 2**32 - 1))
def test_each_part_of_the_leaves_has_a_topic_that_members_read(network: NetworkId, part: int) -> None:
    text = leaves(network, part)
    assert parse(text) == Topic(Channel.ALL, network, f"leaves-{part}")
    assert _matches(broadcast_filter(network), text)


@moderate
@given(_topics, names)
def test_each_topic_has_one_reader_among_the_filters(topic: Topic, other: str) -> None:
    text = str(topic)
    by_provider = [pattern for pattern in PROVIDER_FILTERS if _matches(pattern, text)]
    assert len(by_provider) == (topic.channel in (Channel.REGISTER, Channel.UP, Channel.TUNNEL))
    assert _matches(inbox_filter(topic.name), text) is (topic.channel is Channel.DOWN)
    assert not _matches(inbox_filter(other), text) or other == topic.name
    assert _matches(broadcast_filter(topic.network), text) is (topic.channel is Channel.ALL)


@pytest.mark.parametrize(
    ("topic", "written"),
    [(result(NetworkId(7)), "dcnet/1/7/result"), (presence("provider-1"), "dcnet/1/presence/provider-1")],
)
def test_what_carries_no_frame_is_in_nobody_s_subscription(topic: str, written: str) -> None:
    assert topic == written
    with pytest.raises(RefusedError):
        parse(topic)
    filters = (*PROVIDER_FILTERS, inbox_filter("provider-1"), broadcast_filter(NetworkId(7)))
    assert not any(_matches(pattern, topic) for pattern in filters)
