"""The plan made real."""
