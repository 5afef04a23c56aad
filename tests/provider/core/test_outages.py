"""When the provider, the bus or the clock was not there: rounds are lost, once each, and never taken up again."""

from dataclasses import replace

from common.clients import ClientSet
from common.frames import Notification
from provider.core.events import (
    Connected,
    Disconnected,
    EdgeState,
    FinalRecord,
    MemberState,
    Notice,
    RoundClosed,
    RoundResult,
    RoundStatus,
    Store,
    Why,
)
from tests.provider.core.bench import Bench, empty, operating
from tests.provider.core.builders import (
    DEADLINE,
    NETWORK,
    ROUND,
    SCHEDULE,
    START,
    after,
    corrects,
    everybody,
    final,
    final_frame,
    members,
    published,
    refusals,
    result_of,
    retained,
)

SEVEN = (1, 2, 3, 4, 5, 6, 7)
PERIOD_MS = SCHEDULE.period_ms
SAID_AGAIN = [Notification.REVOCATIONS, Notification.ROSTER, Notification.FINAL]


def finals(bench: Bench) -> list[int]:
    return [record.round for record in bench.records if isinstance(record, FinalRecord)]


def lost(number: int) -> RoundResult:
    return RoundResult(
        network=NETWORK,
        region="north",
        round=after(number, 0),
        start_ms=SCHEDULE.start(after(number, -1)),
        status=RoundStatus.LOST,
        why=Why.PROVIDER_DOWN,
        members=7,
        present=0,
        missing=7,
        away=0,
        attempts=0,
        import_dwh=None,
        export_dwh=None,
        contributors=None,
        duration_ms=PERIOD_MS,
    )


def test_an_outage_voids_its_rounds_with_one_line_each_and_one_final() -> None:
    bench = operating(everybody(7))
    view, back_at = bench.view, SCHEDULE.start(after(ROUND, 2)) + 5_000
    effects = bench.tick(back_at)
    said = replace(final(ROUND + 2, view, ClientSet(), members(*SEVEN), leaves=7), void_from=ROUND)
    frame = final_frame(said, back_at)
    results = [lost(ROUND), lost(ROUND + 1), lost(ROUND + 2)]
    text = f"rounds {ROUND} to {ROUND + 2} are lost: {Why.PROVIDER_DOWN.value}"
    assert effects == [
        *(Store(result) for result in results),
        Store(FinalRecord(NETWORK, after(ROUND, 2), frame)),
        Notice(text, is_warning=True),
        *(RoundClosed(result, certified=8) for result in results),
        retained(frame, back_at),
    ]


def test_a_restart_within_a_round_voids_it() -> None:
    bench = operating(everybody(7))
    frames = [bench.frame(client) for client in SEVEN]
    bench.receive(*frames[:4])
    effects = bench.restart(START + 10_000)
    assert result_of(effects) == lost(ROUND)
    assert refusals(bench.receive(*frames)) == ["LATE"] * 7
    bench.now_ms = SCHEDULE.start(after(ROUND))
    assert result_of(bench.report(*SEVEN)).status is RoundStatus.COMPLETE


def test_a_restart_after_the_final_opens_the_next_round() -> None:
    bench = operating(everybody(7))
    bench.report(*SEVEN)
    kept, records = bench.contents.final, len(bench.records)
    assert kept is not None
    effects = bench.restart(START + 10_000)
    assert published(effects) == SAID_AGAIN
    assert effects[-1] == retained(kept, START + 10_000)
    assert len(bench.records) == records
    bench.now_ms = SCHEDULE.start(after(ROUND))
    assert result_of(bench.report(*SEVEN)).round == ROUND + 1


def test_a_long_outage_has_one_line_per_round_and_no_gap() -> None:
    bench = operating(everybody(7))
    bench.restart(SCHEDULE.start(after(ROUND, 200)))
    assert [result.round for result in bench.results] == list(range(ROUND, ROUND + 201))
    assert finals(bench) == [ROUND + 200]
    assert (bench.last.void_from, bench.last.round) == (ROUND, ROUND + 200)


def test_a_clock_that_goes_back_waits_until_the_round_comes_again() -> None:
    bench = operating(everybody(7))
    bench.report(*SEVEN)
    assert bench.machine.deadline == SCHEDULE.deadline(after(ROUND), 0)
    assert bench.tick(START - 5 * PERIOD_MS) == []
    assert bench.tick(DEADLINE) == []
    assert finals(bench) == [ROUND]


def test_a_clock_set_back_before_a_restart_never_makes_a_second_final() -> None:
    bench = operating(everybody(7))
    bench.report(*SEVEN)
    bench.restart(START - 5 * PERIOD_MS)
    bench.run(SCHEDULE.deadline(after(ROUND), 3))
    assert finals(bench) == [ROUND, ROUND + 1]


def test_a_bus_that_was_gone_within_the_round_puts_nobody_away() -> None:
    bench = operating(everybody(7))
    bench.report(1, 2)
    bench.handle(Disconnected())
    effects = bench.tick(DEADLINE)
    result = result_of(effects)
    assert (result.status, result.why) == (RoundStatus.LOST, Why.BUS_DOWN)
    assert [bench.state(client) for client in SEVEN] == [MemberState.PRESENT] * 7
    assert bench.last.expected == members(*SEVEN)


def test_a_bus_that_is_gone_for_rounds_puts_nobody_away_in_any_of_them() -> None:
    bench = operating(everybody(7))
    bench.handle(Disconnected())
    bench.run(SCHEDULE.start(after(ROUND, 3)))
    assert [result.why for result in bench.results] == [Why.BUS_DOWN] * 3
    bench.handle(Connected())
    bench.report(*SEVEN)
    assert bench.results[-1].contributors == 7


def test_a_bus_that_came_back_in_the_same_round_still_excuses_the_silent() -> None:
    bench = operating(everybody(7))
    bench.handle(Disconnected(), Connected())
    bench.report(*SEVEN[:6])
    bench.tick(DEADLINE)
    result = result_of(bench.report(*SEVEN[:6], missing=(7,), attempt=1))
    assert result.status is RoundStatus.CORRECTED
    assert bench.state(7) is MemberState.PRESENT


def test_in_the_next_round_silence_counts_again() -> None:
    bench = operating(everybody(7))
    bench.handle(Disconnected(), Connected())
    bench.report(*SEVEN)
    bench.run(SCHEDULE.start(after(ROUND)))
    bench.report(*SEVEN[:6])
    bench.tick(SCHEDULE.deadline(after(ROUND), 0))
    bench.report(*SEVEN[:6], missing=(7,), attempt=1)
    assert bench.state(7) is MemberState.AWAY


def test_after_a_reconnect_rules_final_and_correction_are_said_again() -> None:
    bench = operating(everybody(7))
    view = bench.view
    bench.report(*SEVEN[:6])
    bench.tick(DEADLINE)
    bench.handle(Disconnected())
    effects = bench.handle(Connected())
    assert published(effects) == [*SAID_AGAIN, Notification.CORRECTION]
    assert effects[-1] == corrects(ROUND, view, 1, 7)


def test_a_correction_is_not_said_again_when_its_round_is_closed() -> None:
    bench = operating(everybody(7))
    bench.report(*SEVEN[:6])
    bench.tick(DEADLINE)
    bench.report(*SEVEN[:6], missing=(7,), attempt=1)
    effects = bench.handle(Disconnected(), Connected())
    assert published(effects) == SAID_AGAIN


def test_a_network_that_is_too_small_says_so_once_and_waits() -> None:
    bench = empty()
    said = [effect for effect in bench.run(SCHEDULE.start(after(ROUND, 5))) if isinstance(effect, Notice)]
    assert said == []
    assert bench.records == []


def test_a_network_that_shrank_below_the_minimum_closes_each_round_as_refused() -> None:
    bench = operating(everybody(5))
    bench.report(1, 2, 3, 4)
    bench.run(SCHEDULE.start(after(ROUND)))
    assert bench.last.expected == members()
    bench.run(SCHEDULE.start(after(ROUND, 3)))
    assert [(r.status, r.why) for r in bench.results[1:]] == [(RoundStatus.REFUSED, Why.BELOW_MINIMUM)] * 2


def test_the_store_of_a_provider_that_stopped_is_all_it_needs() -> None:
    bench = operating(everybody(7))
    bench.report(*SEVEN)
    bench.restart(START + 1)
    desk = bench.machine.networks[NETWORK].desk
    assert {m.client for m in desk.in_state(MemberState.PRESENT)} == set(SEVEN)
    assert len(desk.graph.in_state(EdgeState.STARTED)) == 21
