import pytest

from launcher.script import Action, Step, faults, fitting, sentence


def step(round_: int, action: Action, gateway: int | None = None) -> Step:
    return Step(round=round_, action=action, gateway=gateway)


def test_a_gateway_may_fail_return_and_leave() -> None:
    steps = [step(2, Action.FAIL, 1), step(3, Action.RETURN, 1), step(4, Action.LEAVE, 1)]
    assert faults(steps, 2) == []


def test_a_gateway_may_be_revoked_once_and_does_not_return() -> None:
    assert faults([step(2, Action.REVOKE, 1)], 2) == []
    (fault,) = faults([step(2, Action.REVOKE, 1), step(3, Action.RETURN, 1)], 2)
    assert "gateway 1 cannot return" in fault


def test_who_joins_gets_the_next_number_and_may_fail_like_others() -> None:
    assert faults([step(2, Action.JOIN), step(3, Action.FAIL, 4)], 3) == []


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ([step(2, Action.RETURN, 1)], "gateway 1 cannot return; name one that has failed before"),
        ([step(2, Action.FAIL, 4)], "gateway 4 cannot fail; name one that is running then"),
        ([step(2, Action.FAIL, 1), step(3, Action.LEAVE, 1)], "gateway 1 cannot leave"),
        ([step(2, Action.LEAVE, 1), step(3, Action.RETURN, 1)], "gateway 1 cannot return"),
        ([step(2, Action.FAIL)], "gateway is missing, say which one is to fail"),
        ([step(2, Action.JOIN, 7)], "gateway = 7 must not be given, who joins gets number 4"),
    ],
)
def test_what_cannot_be_played_is_said(steps: list[Step], complaint: str) -> None:
    (fault,) = faults(steps, 3)
    assert complaint in fault
    assert fault.startswith("[[step]] of round ")


def test_steps_of_gateways_that_are_not_there_are_left_out() -> None:
    steps = [step(2, Action.FAIL, 8), step(3, Action.FAIL, 1), step(4, Action.RETURN, 8)]
    assert fitting(steps, 8, 6, 5) == [step(3, Action.FAIL, 1)]


def test_a_loss_that_would_leave_too_few_is_left_out_together_with_the_return() -> None:
    steps = [step(2, Action.FAIL, 1), step(3, Action.FAIL, 2), step(4, Action.RETURN, 1), step(5, Action.RETURN, 2)]
    assert fitting(steps, 8, 6, 5) == [step(2, Action.FAIL, 1), step(4, Action.RETURN, 1)]


def test_a_revocation_that_would_leave_too_few_is_left_out() -> None:
    assert fitting([step(2, Action.REVOKE, 1)], 8, 5, 5) == []
    assert fitting([step(2, Action.REVOKE, 1)], 8, 6, 5) == [step(2, Action.REVOKE, 1)]


def test_who_joined_keeps_its_place_behind_the_last_one() -> None:
    steps = [step(2, Action.JOIN), step(3, Action.FAIL, 9)]
    assert fitting(steps, 8, 20, 5) == [step(2, Action.JOIN), step(3, Action.FAIL, 21)]


def test_a_step_is_a_sentence() -> None:
    assert sentence(Action.FAIL, "gateway-3") == "gateway-3 is killed"
