"""The notification model on the reference: callbacks before each break, and what each dropped obligation costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tenure.reference.calls import Task
from tenure.reference.outcomes import Died, Paused, Waiting
from tenure.vocabulary.answers import Done, Refused

if TYPE_CHECKING:
    from tests.reference.conftest import Bench

SYSTEM = "external-notify"


@pytest.fixture
def registered(ready: Callable[[str], Bench]) -> Callable[[str], Bench]:
    """Make a machine where u0 is registered with g0 for p0."""

    def build(variant: str) -> Bench:
        bench = ready(SYSTEM + variant)
        assert bench.do("register", user=0, process=0, file=0) == Done()
        return bench

    return build


def test_register_checks_as_get_does(ready: Callable[[str], Bench]) -> None:
    """A file of another kind, and a group in no container, are EINVAL; nothing is registered."""
    bench = ready(SYSTEM)
    bench.do("unset_container", process=0, file=0)

    assert bench.do("register", user=0, process=0, file=1) == Refused("EINVAL")
    assert bench.do("register", user=0, process=0, file=0) == Refused("EINVAL")
    assert bench.see("user_idle", 0)


def test_a_registered_user_keeps_nobody_from_leaving(registered: Callable[[str], Bench]) -> None:
    """It does not count: UNSET_CONTAINER is done, and the user is told first."""
    bench = registered("")
    assert bench.see("container_users", 0) == 1

    assert bench.do("unset_container", process=0, file=0) == Done()

    assert bench.see("user_registered", 0) == "none"
    assert bench.see("user_table", 0) == "none"


def test_a_break_waits_for_a_handler_inside_the_table(registered: Callable[[str], Bench]) -> None:
    """The group stays in its container until the handler has touched and the callback has returned."""
    bench = registered("")
    bench.begin(None, "use", user=0, page=0, to=1)
    bench.begin("th0", "unset_container", process=0, file=0)
    assert bench.step("th0") == Paused("unset_container.look")
    assert bench.step("th0") == Paused("unset_container.drain")

    assert bench.step("th0") == Waiting()
    assert bench.see("container_of", 0) == "c0"
    assert bench.step("u0") == Done()
    assert bench.step("th0") == Paused("unset_container.return")
    assert bench.step("th0") == Paused("unset_container.detach")
    assert bench.step("th0") == Done()


def test_without_the_wait_the_handler_touches_what_is_freed(registered: Callable[[str], Bench]) -> None:
    """Called back and detached at once: the handler that was inside is inside a table that is gone."""
    bench = registered(":no-drain")
    bench.begin(None, "use", user=0, page=0, to=1)
    bench.begin("th0", "unset_container", process=0, file=0)
    assert bench.step("th0") == Paused("unset_container.detach")
    bench.step("th0")

    assert bench.step("u0") == Died("use_after_free")


def test_nobody_enters_once_the_callback_runs(registered: Callable[[str], Bench]) -> None:
    """Between the decision and the callback a use is harmless; from the callback on there is none."""
    bench = registered("")
    bench.begin("th0", "unset_container", process=0, file=0)
    assert bench.can("use", user=0, page=0, to=1)
    bench.step("th0")

    assert not bench.can("use", user=0, page=0, to=1)


def test_nobody_registers_once_the_break_is_decided(ready: Callable[[str], Bench]) -> None:
    """The use is given up first, so a registration in the middle finds no container."""
    bench = ready(SYSTEM)
    bench.begin("th0", "unset_container", process=0, file=0)

    assert bench.do("register", user=0, process=0, file=0) == Refused("EINVAL")
    assert bench.do("set_container", process=0, file=0, other=2) == Refused("EBUSY")


def test_a_late_registration_is_lost(ready: Callable[[str], Bench]) -> None:
    """The check came before the break and the list after it: nobody tells the user, who uses what is freed."""
    bench = ready(SYSTEM + ":late-register")
    assert bench.begin(None, "register", user=0, process=0, file=0) == Paused("register.list")
    bench.do("unset_container", process=0, file=0)
    assert bench.step("u0") == Done()

    assert bench.see("user_registered", 0) == "g0"
    assert bench.do("use", user=0, page=0, to=1) == Died("use_after_free")


def test_unregister_waits_for_a_callback_that_runs(registered: Callable[[str], Bench]) -> None:
    """Exactly one of the two ends the registration: here the callback."""
    bench = registered("")
    bench.begin("th0", "unset_container", process=0, file=0)
    bench.step("th0")

    assert bench.begin(None, "unregister", user=0) == Paused("unregister.wait")
    assert bench.step("u0") == Waiting()
    bench.step("th0")
    bench.step("th0")
    assert bench.step("u0") == Refused("EINVAL")
    assert bench.see("user_idle", 0)


def test_unregister_after_the_callback_finds_nothing_to_end(registered: Callable[[str], Bench]) -> None:
    """The user is told so; where nobody looks, what is freed is freed again."""
    careful, careless = registered(""), registered(":double-release")
    for bench in (careful, careless):
        bench.do("unset_container", process=0, file=0)

    assert careful.do("unregister", user=0) == Refused("EINVAL")
    assert careless.do("unregister", user=0) == Died("use_after_free")


def test_a_handler_on_close_is_not_told_of_a_leave(registered: Callable[[str], Bench]) -> None:
    """UNSET_CONTAINER closes no file: the user goes on in a table that is gone."""
    bench = registered(":on-close")
    bench.do("unset_container", process=0, file=0)

    assert bench.see("user_registered", 0) == "g0"
    assert bench.do("use", user=0, page=0, to=1) == Died("use_after_free")


def test_the_last_close_tells_before_it_detaches(registered: Callable[[str], Bench]) -> None:
    """The release of the group's file ends the registration, and then the group leaves."""
    bench = registered("")
    bench.do("close", process=0, file=0)

    steps = bench.through("f0", "release_group", file=0)

    named = ["call_back", "look", "return", "detach", "put"]
    assert steps == [*(f"release_group.{s}" for s in named), "ok"]
    assert bench.see("user_registered", 0) == "none"


def test_a_user_whose_process_is_gone_is_unregistered(registered: Callable[[str], Bench]) -> None:
    """The kernel does for it what it did not do itself."""
    bench = registered("")
    bench.do("exit_process", process=0)
    assert ("release_user", {"user": 0}) in bench.kernel.pending()

    bench.settle()

    assert bench.see("user_idle", 0)


def test_a_callback_that_unregisters_waits_for_itself(registered: Callable[[str], Bench]) -> None:
    """The leave waits for the callback, the callback for its own return: nobody is left who could go on."""
    bench = registered(":re-entrant")
    bench.begin("th0", "unset_container", process=0, file=0)
    bench.step("th0")
    assert bench.step("th0") == Paused("unset_container.unregister_inside")

    assert bench.step("th0") == Waiting()
    assert bench.begin(None, "unregister", user=0) == Paused("unregister.wait")
    assert (bench.step("u0"), bench.step("th0")) == (Waiting(), Waiting())


def test_a_leave_without_users_comes_back_from_no_callback(ready: Callable[[str], Bench]) -> None:
    """Where nobody is registered no callback runs, and none waits."""
    assert ready(SYSTEM + ":re-entrant").do("unset_container", process=0, file=0) == Done()


def test_a_callback_under_the_lock_of_the_list_waits_for_its_user(registered: Callable[[str], Bench]) -> None:
    """Who holds the user's lock keeps the list locked for all: the other half of the circle is a registration."""
    bench = registered(":under-lock")
    group, user = bench.kernel.machine.groups[0], bench.kernel.machine.users[0]
    bench.begin("th0", "unset_container", process=0, file=0)
    holder = Task("another", "register", {}, ())
    assert user.lock.taken_by(holder)

    assert bench.step("th0") == Waiting()
    assert not group.callbacks_lock.taken_by(holder)
    user.lock.release()
    assert bench.step("th0") == Paused("unset_container.look")
    assert group.callbacks_lock.taken_by(holder)
