"""Learning paths, read from Markdown."""

from pathlib import Path
from textwrap import dedent

import pytest

from academy.catalog.contract import AdditionalResource, ChecklistItem, LearningPath, Resource, Video
from academy.catalog.document import ArticleFile, UnreadableDocument, read

FORM = (Path(__file__).parent / "form.md").read_text(encoding="utf-8")
"""The form that authors fill in."""


def path(text: str) -> LearningPath:
    return read(dedent(text), "tea.md").path


def problems(text: str) -> list[str]:
    with pytest.raises(UnreadableDocument) as caught:
        read(dedent(text), "tea.md")
    return [str(problem) for problem in caught.value.problems]


def only(resources: str) -> Resource:
    """Return the first resource of a path with one phase."""
    return path(f"# Tea\n## Phase 1\n{dedent(resources)}").phases[0].resources[0]


def needed(resources: str) -> dict[str, tuple[str, ...]]:
    """Return what each resource of a path needs."""
    read_path = path(f"# Tea\n## Phase 1\n{dedent(resources)}")
    return {resource.slug: resource.needs for phase in read_path.phases for resource in phase.resources}


def problem(resources: str) -> str:
    """Return the one problem of a path with one phase."""
    (found,) = problems(f"# Tea\n## Phase 1\n{dedent(resources)}")
    return found


def test_reads_the_form() -> None:
    """Every part of the form is read: texts, phases, resources, lists."""
    form = path(FORM)
    assert (form.slug, form.title) == ("microservices-architecture", "Microservices Architecture")
    assert form.overview.startswith("Microservices architecture is an approach")
    assert form.prerequisites == "Understanding of system architecture and service design concepts."
    assert form.notes.endswith("when choosing microservices architecture.")
    assert [(phase.number, phase.title) for phase in form.phases] == [
        (1, "Foundations"),
        (2, "Core Concepts"),
        (3, "Advanced Topics"),
    ]
    assert [
        [(resource.title, resource.kind, resource.minutes) for resource in phase.resources] for phase in form.phases
    ] == [
        [("Microservices Basics", "Article", 40), ("Microservices vs Monolith", "Article", 35)],
        [
            ("Microservices Design", "Article", 45),
            ("Microservices Communication", "Article", 40),
            ("Microservices Data Management", "Article", 35),
        ],
        [("Microservices Implementation", "Article", 50), ("Microservices Best Practices", "Article", 40)],
    ]
    assert form.phases[0].resources[1] == Resource(
        slug="microservices-vs-monolith",
        title="Microservices vs Monolith",
        kind="Article",
        minutes=35,
        focus="Comparing microservices with monolithic architecture",
        needs=("microservices-basics",),
        next_step="Move to Phase 2",
    )
    assert form.checklist == (
        ChecklistItem(slug="phase-1-completed", text="Phase 1 completed", phase=1),
        ChecklistItem(slug="phase-2-completed", text="Phase 2 completed", phase=2),
        ChecklistItem(slug="phase-3-completed", text="Phase 3 completed", phase=3),
        ChecklistItem(slug="supplementary-materials-reviewed", text="Supplementary materials reviewed"),
    )


def test_leaves_the_blanks_of_the_form_empty() -> None:
    """``[URL/Link description]``, ``[Duration]`` and ``[Channel/Source]`` say nothing yet."""
    form = path(FORM)
    assert form.additional[0] == AdditionalResource(title="Microservices Guide")
    assert form.videos[0] == Video(title="Microservices Architecture")


def test_unlocks_phase_2_with_phase_1() -> None:
    """``Complete Phase 1`` needs every resource of that phase; without a word, the order of the document counts."""
    needs = {resource.slug: resource.needs for phase in path(FORM).phases for resource in phase.resources}
    assert needs == {
        "microservices-basics": (),
        "microservices-vs-monolith": ("microservices-basics",),
        "microservices-design": ("microservices-basics", "microservices-vs-monolith"),
        "microservices-communication": ("microservices-design",),
        "microservices-data-management": ("microservices-communication",),
        "microservices-implementation": (
            "microservices-design",
            "microservices-communication",
            "microservices-data-management",
        ),
        "microservices-best-practices": ("microservices-implementation",),
    }


@pytest.mark.parametrize(
    "variant",
    [
        FORM.replace("\n#", "\n##").replace("# Microservices", "## Microservices", 1),
        FORM.replace("\n## Learning Path\n", "\n"),
        FORM.replace("\n", "\r\n"),
        "\ufeff" + FORM,
        FORM.replace(" — ", " – "),
        FORM.replace(" — ", " - "),
        FORM.replace("** — [", "**: ["),
        FORM.replace("[Article]", "(Article)"),
        FORM.replace("[Article]", "Article"),
        FORM.replace(" — [Article]", " [Article]"),
        FORM.replace("**", "__"),
        FORM.replace("**M", "M").replace("** —", " —"),
        FORM.replace("- ", "* "),
        FORM.replace("- ", "+ "),
        FORM.replace("1. ", "1) ").replace("2. ", "2) ").replace("3. ", "3) "),
        FORM.replace("1. ", "- ").replace("2. ", "- ").replace("3. ", "- ").replace("   - ", "  - "),
        FORM.replace("   - ", "     - "),
        FORM.replace("   - ", "   ").replace("minutes\n", "minutes  \n"),
        FORM.replace("   - ", "\t- "),
        FORM.replace("minutes", "min"),
        FORM.replace("Duration:", "**Duration:**").replace("Focus:", "*Focus*:"),
        FORM.replace("Duration: ", "Time - ").replace("Dependencies: Complete", "Requires: completing"),
        FORM.replace("- [ ]", "- [x]"),
        FORM.replace("- [ ]", "*"),
        FORM.replace("**Resources to consume in order:**\n", ""),
        FORM.replace("\n## ", "\n\n---\n\n## "),
        FORM.replace("## ", "<!-- a comment -->\n\n## ", 1).replace("## Overview", "## Overview:"),
        FORM.replace("Phase 1: ", "PHASE 1 — ").replace("Phase 2: ", "Phase 2. ").replace("Phase 3: ", "Phase 3 - "),
        FORM.replace("# Microservices Architecture\n", "Microservices Architecture\n===\n", 1),
        FORM.replace("Additional Resources", "Further reading").replace("Supplementary Videos", "Videos"),
        FORM.replace("\n\n   -", "\n   -").replace("\n   -", "\n\n   -"),
        FORM.replace("## Overview\n", ""),
    ],
)
def test_reads_variants_alike(variant: str) -> None:
    """The spelling of headings, lists, separators, brackets, durations and line ends makes no difference."""
    assert variant != FORM
    assert path(variant) == path(FORM)


def test_needs_no_more_than_a_title_and_a_phase() -> None:
    """Every section but the phases may be left out, and all of a resource but its title and duration."""
    assert path("# Tea\n## Phase 1\n- Green tea\n  - Duration: 5 min") == LearningPath(
        slug="tea",
        title="Tea",
        overview="",
        phases=(path("# Tea\n## Phase 1: Phase 1\n- Green tea (5 min)").phases[0],),
    )
    assert only("- Green tea (5 min)") == Resource(slug="green-tea", title="Green tea", kind="Resource", minutes=5)


def test_keeps_markdown_in_free_text() -> None:
    """Overview, prerequisites and notes keep their marks, and headings below their own."""
    text = "Some *tea*:\n\n- green\n- black\n\n### Why\n\n[Because](https://example.org/)."
    tea = path(f"# Tea\n\n## Overview\n\n{text}\n\n---\n\n## Phase 1\n- Green tea (5 min)\n\n## Notes\n\n{text}\n")
    assert tea.overview == text
    assert tea.notes == text


def test_takes_text_below_the_title_for_the_overview() -> None:
    """An overview needs no heading."""
    assert path("# Tea\n\nLeaves.\n\nWater.\n\n## Phase 1\n- Green tea (5 min)").overview == "Leaves.\n\nWater."


def test_keeps_a_phases_introduction() -> None:
    """A paragraph above a phase's resources is kept, and a lead-in that ends in a colon is not."""
    tea = path("# Tea\n## Phase 1\nFirst,\n*leaves*.\n\nIn order:\n\n- Green tea (5 min)")
    assert tea.phases[0].introduction == "First,\n*leaves*."


def test_keeps_links_that_are_defined_elsewhere() -> None:
    """A text that refers to a definition at the end of the document has it with it."""
    tea = path("# Tea\n## Overview\nSee [the book].\n## Phase 1\n- Green (5 min)\n\n[The Book]: https://example.org/\n")
    assert tea.overview == "See [the book].\n\n[THE BOOK]: <https://example.org/>"


@pytest.mark.parametrize(
    ("line", "title", "kind"),
    [
        ("**Green: a tea - of leaves** — [Video]", "Green: a tea - of leaves", "Video"),
        ("**Green tea: [Video]**", "Green tea", "Video"),
        ("Green: a tea [Video]", "Green: a tea", "Video"),
        ("Green: a tea", "Green: a tea", "Resource"),
        ("Green tea: video", "Green tea", "video"),
        ("Green tea (sencha) — [Blog post]", "Green tea (sencha)", "Blog post"),
        ("Green tea (sencha)", "Green tea (sencha)", "Resource"),
        ("**Green tea** — Podcast, 5 min", "Green tea", "Podcast"),
        ("Green tea [Article] — 5 min", "Green tea", "Article"),
        ("`Green` *tea* — [Article]", "Green tea", "Article"),
    ],
)
def test_tells_a_title_from_its_kind(line: str, title: str, kind: str) -> None:
    """A bold title ends where the bold does; a plain one before brackets, or before a word for a kind."""
    resource = only(f"- {line}" if "5 min" in line else f"- {line}\n  - Duration: 5 min")
    assert (resource.title, resource.kind, resource.minutes) == (title, kind, 5)


@pytest.mark.parametrize("line", ["[**Green tea**](green%20tea.md)", "**[Green tea](green%20tea.md)**", "Green tea"])
def test_finds_the_article_file(line: str) -> None:
    """A title that is a link to a file beside the document says where the article is; so does "Link"."""
    link = "" if "](" in line else "\n  - Article: [text](green%20tea.md)"
    draft = read(f"# Tea\n## Phase 1\n- {line} — [Article] — 5 min{link}", "tea.md")
    assert [(file.resource, file.file) for file in draft.articles] == [("green-tea", "green tea.md")]
    assert draft.path.phases[0].resources[0].url == ""


def test_tells_the_line_of_an_article_file() -> None:
    """The line where a file is named is kept, for a problem with that file."""
    assert read("# Tea\n\n## Phase 1\n\n- [Green](g.md) (5 min)\n", "tea.md").articles == (
        ArticleFile("green", "g.md", 5),
    )


def test_finds_an_address_elsewhere() -> None:
    """A link to another site is the resource's address."""
    assert only("- [Green tea](https://example.org/green) — [Article] — 5 min").url == "https://example.org/green"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("Tea — a book", AdditionalResource(title="Tea", description="a book")),
        ("**Tea**: a book", AdditionalResource(title="Tea", description="a book")),
        ("[Tea](https://example.org/)", AdditionalResource(title="Tea", url="https://example.org/")),
        (
            "[Tea: leaves](https://example.org/) - a book: of leaves",
            AdditionalResource(title="Tea: leaves", url="https://example.org/", description="a book: of leaves"),
        ),
        (
            "Tea — [the book](https://example.org/)",
            AdditionalResource(title="Tea", url="https://example.org/", description="the book"),
        ),
        (
            "Tea — <https://example.org/a> — a book",
            AdditionalResource(title="Tea", url="https://example.org/a", description="a book"),
        ),
        ("Tea: https://example.org/a.", AdditionalResource(title="Tea", url="https://example.org/a")),
    ],
)
def test_reads_further_reading(item: str, expected: AdditionalResource) -> None:
    """A further resource has a title, and may have a description and an address, in any order."""
    tea = path(f"# Tea\n## Phase 1\n- Green (5 min)\n## Additional Resources\n- {item}")
    assert tea.additional == (expected,)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("Tea — 12 min — Leaf TV", Video(title="Tea", minutes=12, source="Leaf TV")),
        ("Tea — [1 h 5 min] — [Leaf TV]", Video(title="Tea", minutes=65, source="Leaf TV")),
        ("[Tea](https://example.org/) - Leaf TV", Video(title="Tea", source="Leaf TV", url="https://example.org/")),
        ("Tea — [Duration] — Look for: leaves", Video(title="Tea", source="Look for: leaves")),
    ],
)
def test_reads_videos(item: str, expected: Video) -> None:
    """A video has a title, and may have a duration, a source and an address."""
    assert path(f"# Tea\n## Phase 1\n- Green (5 min)\n## Videos\n- {item}").videos == (expected,)


@pytest.mark.parametrize(
    ("dependencies", "expected"),
    [
        ("Complete Phase 1", ("green", "black-and-white")),
        ("Phase 1 completed.", ("green", "black-and-white")),
        ("Green", ("green",)),
        ("complete “Black and White”", ("black-and-white",)),
        ("**Black and White** and Green", ("green", "black-and-white")),
        ("Green, Resource 1", ("green", "oolong")),
        ("Phases 1 and 2", ("green", "black-and-white", "oolong")),
        ("Phase 1 is completed; Oolong", ("green", "black-and-white", "oolong")),
        ("None", ()),
        ("—", ()),
    ],
)
def test_reads_dependencies(dependencies: str, expected: tuple[str, ...]) -> None:
    """What must come first is a phase, a title or a number in the phase, several of them, or nothing."""
    phase = "3" if "Phases" in dependencies else "2"
    needs = needed(
        f"""
        - Green (5 min)
        - Black and White (5 min)

        ## Phase 2
        - Oolong (5 min)
        {"## Phase 3" if phase == "3" else ""}
        - Pu-erh (5 min)
          - Dependencies: {dependencies}
        """
    )
    assert needs["pu-erh"] == expected


def test_reads_dependencies_as_a_list() -> None:
    """Several things that must come first may be a list of their own."""
    needs = needed(
        """
        - Green (5 min)
        - Black (5 min)
        - Oolong (5 min)
          - Requires:
            - Green
            - Black
        """
    )
    assert needs["oolong"] == ("green", "black")


def test_lets_a_phase_be_in_any_order() -> None:
    """Where the lead-in says so, the resources of a phase need the phase before and not each other."""
    needs = needed(
        """
        - Green (5 min)

        ## Phase 2
        **Resources to consume in any order:**
        - Black (5 min)
        - Oolong (5 min)

        ## Phase 3
        - Pu-erh (5 min)
        """
    )
    assert needs == {"green": (), "black": ("green",), "oolong": ("green",), "pu-erh": ("black", "oolong")}


def test_numbers_titles_that_are_alike() -> None:
    """Two resources of one title have slugs of their own."""
    assert list(needed("- Green (5 min)\n- Green (5 min)")) == ["green", "green-2"]


def test_reads_attributes_that_are_not_indented_far_enough() -> None:
    """Three spaces below "10." are no nested list to Markdown; they are meant as one."""
    items = "".join(f"{n}. Tea {n}\n   - Duration: {n} min\n" for n in range(9, 12))
    tea = path(f"# Tea\n## Phase 1\n{items}")
    assert [(r.title, r.minutes) for r in tea.phases[0].resources] == [("Tea 9", 9), ("Tea 10", 10), ("Tea 11", 11)]


def test_joins_wrapped_lines() -> None:
    """A line that goes on in the next is one."""
    resource = only("1. **Green tea**\n   — [Article]\n   - Duration: 5 min\n   - Focus: leaves\n     and water\n")
    assert (resource.title, resource.kind, resource.focus) == ("Green tea", "Article", "leaves and water")


def test_reports_every_problem_with_its_line() -> None:
    """A document with many mistakes is refused once, with all of them in the order of its lines."""
    assert problems(
        """\
        # Tea

        ## Phase 1: Leaves

        1. **Green** — [Article]
           - Duration: a while
           - Difficulty: hard
        2. **Black** — [Article]
           - Dependencies: Oolong

        ## Phase 3: Water

        Boil it.

        ## Videos

        > quoted

        ## Checklist

        - [ ] Phase 4 completed

        ## Colours

        > green
        """
    ) == [
        "tea.md:6: “a while” is not a duration such as “40 minutes” or “1 h 20 min”",
        "tea.md:7: “Difficulty: hard” is not one of Duration, Focus, Next step, Dependencies, Link, each with a colon",
        "tea.md:8: “Black” has no duration; write “Duration: 40 minutes” below it",
        "tea.md:9: the dependency “oolong” is neither a phase nor the title of a resource of this path",
        "tea.md:11: phase 3 has no resources",
        "tea.md:11: phase 3 stands where phase 2 is expected",
        "tea.md:17: only a list of videos is read here, not a quotation",
        "tea.md:21: “Phase 4 completed”: there is no phase 4",
        "tea.md:23: there is no section “Colours”; there are “Overview”, “Prerequisites”, “Learning Path”, "
        "“Additional Resources”, “Supplementary Videos”, “Completion Checklist”, “Notes” and “Phase 1: …”",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "tea.md:1: the document is empty"),
        ("---\ntitle: Tea\n---\n", "tea.md:1: front matter is not read; start with the title, as “# Microservices”"),
        ("Tea.\n", "tea.md:1: the document does not start with its title, as “# Microservices”"),
        ("\n## Overview\n", "tea.md:2: the document does not start with its title, as “# Microservices”"),
        ("# Tea\n", "tea.md:1: there is no phase; a phase has a heading such as “Phase 1: Foundations”"),
        ("# Tea\n## Phase One\n", "tea.md:2: “Phase One” is not a phase's heading such as “Phase 1: Foundations”"),
        ("# —\n## Phase 1\n- Green (5 min)\n", "tea.md:1: the title “—” has no letter or digit"),
        (
            "# Tea\n## Notes\n## Phase 1\n- Green (5 min)\n## Notes\n",
            "tea.md:5: a second section “Notes”; the first is in line 2",
        ),
        (
            "# Tea\n\nLeaves.\n\n## Overview\n## Phase 1\n- Green (5 min)\n",
            "tea.md:3: text above the overview; move it into the section “Overview”",
        ),
        (
            "# Tea\n## Learning Path\nLeaves.\n### Phase 1\n- Green (5 min)\n",
            "tea.md:3: text outside of a phase; put it below a heading such as “Phase 1: Foundations”",
        ),
        (
            "# Tea\n## Phase 1\n- Green (5 min)\n\nMore.\n",
            "tea.md:5: only a list of resources is read here, not a paragraph",
        ),
        (
            "# Tea\n## Phase 1\n- Green (5 min)\n## Additional Resources\n- [A](https://a.org) [B](https://b.org)\n",
            "tea.md:5: several links where one is read: https://a.org, https://b.org",
        ),
        (
            "# Tea\n## Phase 1\n- Green (5 min)\n## Additional Resources\n- [A](ftp://a.org)\n",
            "tea.md:5: “ftp://a.org” is not an address that starts with https:// or http://",
        ),
        (
            "# Tea\n## Phase 1\n- Green (5 min)\n## Videos\n- Leaves — 12 parsecs — TV\n",
            "tea.md:5: “12 parsecs” is not a duration such as “40 minutes” or “1 h 20 min”",
        ),
        (
            "# Tea\n## Phase 1\n- Green (5 min)\n## Checklist\n- [ ] Water\n  - hot\n",
            "tea.md:6: “hot”: a list in a list is not read here",
        ),
    ],
)
def test_names_line_and_reason(text: str, expected: str) -> None:
    """What can't be read is named, not guessed."""
    assert problems(text) == [expected]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ("- Green\n", "tea.md:3: “Green” has no duration; write “Duration: 40 minutes” below it"),
        ("- Green\n  - Duration: 40\n", "tea.md:4: the duration “40” has no unit; write “40 minutes”"),
        ("- Green (5 min)\n  - Focus:\n", "tea.md:4: Focus is empty"),
        ("- Green (5 min)\n  - Focus: a\n  - Goal: b\n", "tea.md:5: “Green” has a second Focus"),
        (
            "- Green (5 min)\n  - Focus: [a](https://a.org)\n",
            "tea.md:4: Focus has a link, which is not kept there; say “Link: https://a.org”",
        ),
        ("- **Green** [Book] [Film] 5 min\n", "tea.md:3: “Green” has several kinds: “Book”, “Film”"),
        (
            "- [Green](../secret.md) (5 min)\n",
            "tea.md:3: “../secret.md” is neither a file beside the document nor an https:// address",
        ),
        (
            "- [Green](/etc/passwd) (5 min)\n",
            "tea.md:3: “/etc/passwd” is neither a file beside the document nor an https:// address",
        ),
        ("- Green (5 min)\n  - Needs: Green\n", "tea.md:4: “Green” needs itself"),
        (
            "- Green (5 min)\n  - Needs: Black\n- Black (5 min)\n",
            "tea.md:4: “Green” needs “Black”, which comes later",
        ),
        ("- Green (5 min)\n  - Needs: Phase 1\n", "tea.md:4: “Green” is in phase 1 and can't need phase 1"),
        ("- Green (5 min)\n  - Needs: Resource 2\n", "tea.md:4: phase 1 has no resource 2"),
        (
            "- Green (5 min)\n- Black (5 min)\n  - Needs: Green unless in haste\n",
            "tea.md:5: the dependency “unless in haste” can't be read",
        ),
        ("- Green (5 min)\n-\n", "tea.md:4: an empty item in a list of resources"),
        (
            f"- Green {'-' * 1000} (5 min)\n- Black (5 min)\n",
            "tea.md:3: a line of more than 1000 characters in a list of resources",
        ),
        (
            "- Green (5 min)\n\n  ```\n  code\n  ```\n",
            "tea.md:5: only text is read in a list of resources, not a code block",
        ),
    ],
)
def test_names_line_and_reason_within_a_phase(resources: str, expected: str) -> None:
    """What can't be read of a resource is named, not guessed."""
    assert problem(resources) == expected
