"""What is in the letters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from academy.notifications.writing import LONGEST_SUBJECT, Stopped, letter_id, phase_finished, reminder, subject_line

SITE = "https://academy.example.org/"


def test_a_finished_phase() -> None:
    """Says what is finished, what comes next, and how to get no more."""
    draft = phase_finished(SITE, "key", "Ada", "tea", "Tea", 1, "Leaves", "Hot water")
    assert draft.subject == "Phase 1 of “Tea” is finished"
    assert draft.text.startswith("Dear Ada,\n\nyou have finished phase 1 of “Tea”: Leaves. Well done!\n")
    assert "Next comes “Hot water”:\nhttps://academy.example.org/paths/tea\n" in draft.text
    assert draft.text.endswith("No more letters:\nhttps://academy.example.org/letters/off/key\n")
    assert '<a href="https://academy.example.org/paths/tea">Go on</a>' in draft.html
    assert '<a href="https://academy.example.org/letters/off/key">No more letters</a>' in draft.html


def test_the_last_phase() -> None:
    """Where nothing comes next, boxes may be left."""
    draft = phase_finished(SITE, "key", "Ada", "tea", "Tea", 3, "Cups", "")
    assert "See what is left to tick:" in draft.text
    assert "See what is left to tick" in draft.html


def test_a_reminder_of_one_path_and_of_several() -> None:
    """One letter for all of them."""
    tea, coffee = Stopped("tea", "Tea", 1, 3), Stopped("coffee", "Coffee", 0, 5)
    one = reminder(SITE, "key", "Ada", [tea])
    assert one.subject == "“Tea” waits for you"
    assert "it waits for you where you left it:\n\nTea, 1 of 3 done\nhttps://academy.example.org/paths/tea" in one.text
    both = reminder(SITE, "key", "Ada", [tea, coffee])
    assert both.subject == "“Tea” and 1 more waits for you"
    assert "Coffee, 0 of 5 done" in both.text
    assert '<a href="https://academy.example.org/paths/coffee">Coffee</a>, 0 of 5 done' in both.html


def test_what_people_typed_is_text_in_every_part() -> None:
    """Neither HTML nor a header can be written by a title or a name."""
    draft = phase_finished(
        SITE, "key", "<i>Ada</i>", "../x y", "Tea\r\nBcc: all@example.org", 1, "<script>", "<b>next</b>"
    )
    assert draft.subject == "Phase 1 of “Tea Bcc: all@example.org” is finished"
    assert "<script>" not in draft.html
    assert "<i>" not in draft.html
    assert "<b>" not in draft.html
    assert "Dear <i>Ada</i>," in draft.text
    assert "/paths/..%2Fx%20y" in draft.html


@given(st.text())
def test_a_subject_is_one_line(text: str) -> None:
    """Whatever a title has in it."""
    line = subject_line(text)
    assert len(line) <= LONGEST_SUBJECT
    assert line.isprintable()
    assert line == line.strip()


def test_a_letter_about_the_same_is_the_same_letter() -> None:
    """So that it can't be sent twice; and another is another, also when their parts run together alike."""
    assert letter_id("phase", "ada", "tea") == letter_id("phase", "ada", "tea")
    assert letter_id("phase", "ada", "tea") != letter_id("phase", "adat", "ea")
