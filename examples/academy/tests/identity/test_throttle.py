"""Who guesses passwords is slowed down."""

from academy.identity.throttle import LARGEST, Throttle


def test_a_few_failures_cost_nothing() -> None:
    """Whoever mistypes may try again at once."""
    throttle = Throttle(failures=3, seconds=60)
    throttle.fail("ada", 0)
    throttle.fail("ada", 1)
    assert throttle.wait("ada", 2) == 0


def test_more_failures_have_to_wait() -> None:
    """The name may be tried again when the first failure is as old as the window."""
    throttle = Throttle(failures=3, seconds=60)
    for second in (0, 10, 20):
        throttle.fail("ada", second)
    assert throttle.wait("ada", 20) == 40
    assert throttle.wait("ada", 60) == 0
    throttle.fail("ada", 60)
    assert throttle.wait("ada", 60) == 10


def test_other_names_are_not_concerned() -> None:
    """Failures are counted by name."""
    throttle = Throttle(failures=1, seconds=60)
    throttle.fail("ada", 0)
    assert throttle.wait("bob", 0) == 0


def test_success_forgets_failures() -> None:
    """Whoever is back starts anew."""
    throttle = Throttle(failures=1, seconds=60)
    throttle.fail("ada", 0)
    throttle.succeed("ada")
    throttle.succeed("bob")
    assert throttle.wait("ada", 0) == 0


def test_a_crowd_of_names_does_not_take_all_memory() -> None:
    """The names that have been quiet the longest are forgotten."""
    throttle = Throttle(failures=1, seconds=60)
    for number in range(LARGEST + 1):
        throttle.fail(f"name {number}", 0)
    assert throttle.wait("name 0", 0) == 0
    assert throttle.wait("name 1", 0) == 60
