"""Which rules judge the documents of each kind, and the roots they look at; the rules of each kind stand beside."""

from collections.abc import Iterator, Sequence

from crdt_schema.documents import KINDS
from crdt_schema.production import Locks
from server.auth.actor import Actor
from server.auth.policy import reaches
from server.guard.rules_canvas import DeclaredBy, canvas_rules
from server.guard.rules_common import breach, changes
from server.guard.rules_people import judge_annotations, judge_library, judge_styles
from server.guard.rules_production import judge_production
from server.guard.touches import Breach, Rules, Touch, View

ROOTS: dict[str, tuple[str, ...]] = {
    name: tuple(root for root in kind.roots if name != "script") for name, kind in KINDS.items()
}
"""The maps of records that the guard watches, by kind of document; a script is one text."""


def judge_nothing(_actor: Actor, _touches: Sequence[Touch], _view: View, _locks: Locks) -> tuple[Breach, ...]:
    """Nothing in this kind of document needs a rule beyond who may write it at all."""
    return ()


def _with_roles(document: str, rules: Rules) -> Rules:
    """Rules that hear only of the roots which the actor's role may write; the rest is put back."""
    roots = KINDS[document].roots

    def judge(actor: Actor, touches: Sequence[Touch], view: View, locks: Locks) -> Iterator[Breach]:
        allowed: list[Touch] = []
        for touch in touches:
            least = roots.get(touch.root)
            if least is None:
                words = {"what": f"the {touch.root} of this document"}
                yield from (breach("server_only", touch, name, **words) for name in changes(touch))
            elif not reaches(actor.role, least):
                words = {"what": touch.root.capitalize(), "least": f"{least}s", "role": actor.role}
                yield from (breach("role", touch, name, **words) for name in changes(touch))
            else:
                allowed.append(touch)
        if allowed:
            yield from rules(actor, allowed, view, locks)

    return judge


def rules_with(declared_by: DeclaredBy) -> dict[str, Rules]:
    """By kind of document. Each is pure: who did it, what was touched, the document as it is now, what is locked.

    `declared_by` gives the sockets that a pipeline declares for the shots it is joined to (C-024).
    """
    canvas = canvas_rules(declared_by)
    rules: dict[str, Rules] = {
        "canvas": canvas,
        "fork": canvas,
        "styles": judge_styles,
        "annotations": judge_annotations,
        "takes": judge_nothing,
        "library": judge_library,
        "production": judge_production,
        "script": judge_nothing,
    }
    return {name: _with_roles(name, each) for name, each in rules.items()}


RULES: dict[str, Rules] = rules_with(lambda _: None)
"""The rules where no pipeline is known: shots have their own sockets only."""
