"""The catalog: which learning paths there are, and what they teach."""
