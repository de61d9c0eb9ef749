"""One path."""

from __future__ import annotations

from academy.catalog.contract import AdditionalResource, Video
from freestone.errors import ConnectionLost, Internal, Unavailable


async def test_a_visitor_sees_the_whole_outline(visitor):
    """Overview, prerequisites, phases, resources, notes and what goes beyond are public."""
    page = await visitor.get("/paths/stonework")
    assert page.status_code == 200
    for text in ("Before you start", "You have seen a wall", "Ground", "Walls", "Basics", "What a stone is", "Bonds"):
        assert text in page.text
    for text in ("The mason&#39;s guide", "A quarry at dawn", "Quarry TV", "Weigh each cut", "Phase 1 completed"):
        assert text in page.text


async def test_a_visitor_is_invited_to_sign_up_and_comes_back(visitor):
    """The primary action leads back to this path."""
    page = await visitor.get("/paths/stonework")
    assert 'href="/sign-up?next=/paths/stonework"' in page.text
    assert "Mark as done" not in page.text


async def test_a_learner_who_is_not_enrolled_can_enrol(town, ada):
    """Enrolling is one click from the path, and shows the path again with a word of welcome."""
    page = await ada.get("/paths/stonework")
    assert 'action="/paths/stonework/enrolment"' in page.text
    answer = await ada.post("/paths/stonework/enrolment")
    assert (answer.status_code, answer.headers["location"]) == (303, "/paths/stonework")
    assert town.done == {"stonework": set()}
    assert "You are enrolled" in (await ada.get("/paths/stonework")).text
    assert "You are enrolled" not in (await ada.get("/paths/stonework")).text


async def test_what_is_next_is_the_primary_action(town, enrolled):
    """A learner continues where they left."""
    assert "Begin: Basics" in (await enrolled.get("/paths/stonework")).text
    town.done["stonework"] = {"basics"}
    page = await enrolled.get("/paths/stonework")
    assert "Continue: Tools" in page.text
    assert 'href="/paths/stonework/resources/tools">Continue' in page.text


async def test_a_resource_is_done_open_or_locked_with_the_reason(town, enrolled):
    """Each row says where it stands, for eyes and for screen readers."""
    town.done["stonework"] = {"basics"}
    page = await enrolled.get("/paths/stonework")
    assert page.text.count("(done)") == 1
    assert page.text.count("(open)") == 1
    assert page.text.count("(locked)") == 1
    reason = page.text.split("Opens when")[1].split("</span>")[0]
    assert " ".join(reason.split()) == '<a href="/paths/stonework/resources/tools">Tools</a> is done.'


async def test_time_spent_and_left_are_shown(town, enrolled):
    """Durations add up."""
    town.done["stonework"] = {"basics", "tools"}
    page = await enrolled.get("/paths/stonework")
    assert "1\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}15\N{NO-BREAK SPACE}min spent" in page.text
    assert "45\N{NO-BREAK SPACE}min to go" in page.text
    assert 'value="66" aria-label="Progress in Stonework"' in page.text


async def test_a_box_is_ticked_with_a_form(town, enrolled):
    """Without scripts, ticking is a form and a redirect to the checklist."""
    answer = await enrolled.post("/paths/stonework/checklist/supplementary", data={"ticked": "yes"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/paths/stonework#checklist")
    assert town.ticks == {"supplementary"}
    page = await enrolled.get("/paths/stonework")
    assert 'aria-checked="true"' in page.text
    assert "Ticked." in page.text
    await enrolled.post("/paths/stonework/checklist/supplementary", data={"ticked": "no"})
    assert town.ticks == set()


async def test_with_htmx_only_the_checklist_comes_back(town, enrolled):
    """The fragment has the boxes, the progress beside them, and words for the live region."""
    town.done["stonework"] = {"basics", "tools", "bonds"}
    answer = await enrolled.post(
        "/paths/stonework/checklist/supplementary", data={"ticked": "yes"}, headers={"hx-request": "true"}
    )
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert 'id="tick-supplementary"' in answer.text
    assert '<div class="next" id="next" hx-swap-oob="true">' in answer.text
    assert "Path finished" in answer.text
    assert 'id="status" hx-swap-oob="innerHTML"' in answer.text
    assert "You have finished the path" in answer.text


async def test_a_box_of_a_phase_has_no_button(enrolled):
    """Boxes that tick themselves can't be pressed."""
    page = await enrolled.get("/paths/stonework")
    assert page.text.count('role="checkbox"') == 1


async def test_to_tick_a_box_of_a_phase_is_refused(enrolled):
    """Whoever sends the form by hand is told why."""
    answer = await enrolled.post("/paths/stonework/checklist/phase-1-completed", data={"ticked": "yes"})
    assert answer.status_code == 409
    assert "This box ticks itself" in answer.text
    assert "Nothing was changed" in answer.text


async def test_without_progress_the_path_is_still_shown(town, enrolled):
    """The outline comes from the catalog alone; enrolling is not offered to who may be enrolled already."""
    town.fail("standing", Internal())
    page = await enrolled.get("/paths/stonework")
    assert page.status_code == 200
    assert "Your progress can't be shown right now" in page.text
    assert "Enrol in this path" not in page.text


async def test_an_unknown_path_is_not_found(visitor):
    """A wrong address is said to be wrong."""
    page = await visitor.get("/paths/alchemy")
    assert page.status_code == 404
    assert "There is nothing here" in page.text


async def test_to_enrol_in_an_unknown_path_is_not_found(ada):
    """A command answers in the same way."""
    answer = await ada.post("/paths/alchemy/enrolment")
    assert answer.status_code == 404


async def test_an_enrolment_that_did_not_happen_says_so(town, ada):
    """A learner may safely try again."""
    town.fail("enrol", Unavailable())
    answer = await ada.post("/paths/stonework/enrolment")
    assert answer.status_code == 503
    assert "Nothing was changed." in answer.text


async def test_an_enrolment_that_may_have_happened_says_so(town, ada):
    """A learner is asked to look first."""
    town.fail("enrol", ConnectionLost())
    answer = await ada.post("/paths/stonework/enrolment")
    assert answer.status_code == 502
    assert "What you did may have been saved, or not." in answer.text
    assert 'href="/paths/stonework">Go back and look' in answer.text


async def test_a_name_with_markup_is_shown_as_text(town, visitor):
    """Titles and texts come from documents that anybody may have written."""
    town.publish(title="<script>alert(1)</script>", overview="<img src=x onerror=alert(1)>")
    page = await visitor.get("/paths/stonework")
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text


async def test_a_link_that_runs_code_is_no_link(town, visitor):
    """Escaping does not help against ``javascript:``; such addresses are not linked to."""
    town.publish(
        additional=(AdditionalResource(title="Guide", url="javascript:alert(1)"),),
        videos=(Video(title="Film", url="data:text/html,x"),),
    )
    page = await visitor.get("/paths/stonework")
    assert "javascript:" not in page.text
    assert "data:text" not in page.text
    assert "Guide" in page.text


async def test_a_path_without_extras_has_no_empty_panels(town, visitor):
    """What a document leaves out, the page leaves out."""
    town.publish(additional=(), videos=(), checklist=(), notes="", prerequisites="")
    page = await visitor.get("/paths/stonework")
    for title in ("Additional resources", "Supplementary videos", "Completion checklist", "Notes", "Before you start"):
        assert title not in page.text
