"""The four story structures a project can start from: chapters, scenes and emotional beats (W-022, W-057)."""

from typing import get_args

from crdt_schema.project import Chapter, Narrative, NarrativeStructure

STRUCTURES: tuple[NarrativeStructure, ...] = get_args(NarrativeStructure)

_Scenes = tuple[tuple[str, str], ...]
_Story = tuple[tuple[str, _Scenes], ...]

_THREE_ACT: _Story = (
    (
        "Act One: Setup",
        (
            ("Opening image", "The world and its mood before anything happens."),
            ("Inciting incident", "Something arrives that cannot be ignored."),
            ("First threshold", "The lead chooses to step in; there is no way back."),
        ),
    ),
    (
        "Act Two: Confrontation",
        (
            ("Rising trouble", "Each attempt costs more than the one before."),
            ("Midpoint", "A false victory or a false defeat turns the story around."),
            ("Dark hour", "Everything that was gained is lost."),
        ),
    ),
    (
        "Act Three: Resolution",
        (
            ("Climax", "The lead meets the conflict with all that was learnt."),
            ("Closing image", "The first image again, changed by what happened."),
        ),
    ),
)
_HERO_JOURNEY: _Story = (
    (
        "Departure",
        (
            ("Ordinary world", "Home, and what is missing there."),
            ("Call to adventure", "A task or a threat asks for the hero."),
            ("Refusal of the call", "Fear or duty holds the hero back."),
            ("Meeting the mentor", "Somebody gives a gift, a lesson or a push."),
            ("Crossing the threshold", "The hero leaves what is known."),
        ),
    ),
    (
        "Initiation",
        (
            ("Tests, allies, enemies", "The rules of the new world are learnt by breaking them."),
            ("Approach to the inmost cave", "The hero prepares for the greatest danger."),
            ("Ordeal", "Death, or something close to it, is faced."),
            ("Reward", "What was sought is taken in hand."),
        ),
    ),
    (
        "Return",
        (
            ("The road back", "What was won must be carried home, pursued."),
            ("Resurrection", "A last test; the hero is changed for good."),
            ("Return with the elixir", "Home is healed by what was brought."),
        ),
    ),
)
_BEAT_SHEET: _Story = (
    (
        "Act One",
        (
            ("Opening image", "A snapshot of the world before the change."),
            ("Theme stated", "Somebody says what the story is about; nobody listens."),
            ("Set-up", "The lead, the flaw and everything at stake."),
            ("Catalyst", "The event that breaks the routine."),
            ("Debate", "Is there another way? There is not."),
        ),
    ),
    (
        "Act Two A",
        (
            ("Break into two", "The lead chooses the upside-down world."),
            ("B story", "A new person carries the theme."),
            ("Fun and games", "The promise of the premise."),
            ("Midpoint", "Stakes are raised and a clock starts."),
        ),
    ),
    (
        "Act Two B",
        (
            ("Bad guys close in", "Pressure from outside, cracks inside."),
            ("All is lost", "The lowest point; something dies."),
            ("Dark night of the soul", "The lead understands the theme."),
        ),
    ),
    (
        "Act Three",
        (
            ("Break into three", "The idea that joins both stories."),
            ("Finale", "The old world is taken apart and rebuilt."),
            ("Final image", "The opposite of the opening image."),
        ),
    ),
)
_STORY_CIRCLE: _Story = (
    (
        "Order",
        (
            ("You", "A character in a zone of comfort."),
            ("Need", "But they want something."),
        ),
    ),
    (
        "Descent",
        (
            ("Go", "They enter an unfamiliar situation."),
            ("Search", "They adapt to it."),
        ),
    ),
    (
        "Chaos",
        (
            ("Find", "They get what they wanted."),
            ("Take", "They pay a heavy price for it."),
        ),
    ),
    (
        "Return",
        (
            ("Return", "They go back to where they began."),
            ("Change", "They have changed."),
        ),
    ),
)
_STORIES: dict[NarrativeStructure, tuple[_Story, tuple[str, ...]]] = {
    "three-act": (_THREE_ACT, ("curiosity", "tension", "doubt", "despair", "resolve", "release")),
    "hero-journey": (_HERO_JOURNEY, ("longing", "fear", "wonder", "dread", "triumph", "peace")),
    "beat-sheet": (_BEAT_SHEET, ("recognition", "shock", "delight", "pressure", "grief", "catharsis")),
    "story-circle": (_STORY_CIRCLE, ("comfort", "desire", "unease", "discovery", "loss", "growth")),
}


def narrative(structure: NarrativeStructure) -> Narrative:
    """A fresh copy of a structure's chapters, scenes and beats."""
    story, beats = _STORIES[structure]
    chapters: list[Chapter] = [
        {
            "number": number,
            "title": title,
            "scenes": [
                {"number": scene, "title": name, "summary": summary}
                for scene, (name, summary) in enumerate(scenes, start=1)
            ],
        }
        for number, (title, scenes) in enumerate(story, start=1)
    ]
    return {"structure": structure, "chapters": chapters, "emotionalBeats": list(beats)}
