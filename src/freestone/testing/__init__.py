"""For an application's tests: runners for every placement, fakes, and the conformance suites of the seams."""
