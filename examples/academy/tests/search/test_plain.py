"""Markdown to words."""

from __future__ import annotations

from academy.search.plain import plain


def test_what_is_read_aloud_is_kept() -> None:
    """Texts of links, descriptions of pictures, code and tables are; signs and addresses are not."""
    text = """# Title

A *soft*
break, [a link](https://example.org/a) and ![a picture](b.png).

- one
- `two()`

```python
three = 3
```

| four | five |
| --- | --- |
| six | 7 |
"""
    assert plain(text) == (
        "Title.\nA soft break, a link and a picture.\none.\ntwo()\nthree = 3\n\nfour.\nfive.\nsix.\n7."
    )


def test_nothing_is_nothing() -> None:
    """An article that is not written has no words."""
    assert plain("") == plain("\n\n---\n") == ""
