"""For an application's tests: runners for every placement, fakes, and the conformance suites of the seams."""

from .clock import FakeClock, FakeIds, fake_random
from .fake import FakeTransport, fake

__all__ = ["FakeClock", "FakeIds", "FakeTransport", "fake", "fake_random"]
