"""What each implementation of a seam must do, as functions that a test suite calls with its own implementation."""
