"""Academy: a platform for learning paths, built on Freestone."""
