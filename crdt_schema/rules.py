"""The rules that stand between a change and a shared document: their names, and what the sender is told."""

from typing import Literal

Rule = Literal[
    "schema",
    "unknown_type",
    "wrong_socket",
    "dangling_edge",
    "bad_id",
    "write_once",
    "forged_author",
    "not_yours",
    "server_only",
    "role",
    "shot_lock",
    "picture_lock",
    "style_lock",
    "contract_lock",
]

RULE_TEXTS: dict[Rule, str] = {
    "schema": "{what} was put back: it must be {must}.",
    "unknown_type": "There is no such type of node here: {type}.",
    "wrong_socket": "These two sockets do not fit together.",
    "dangling_edge": "An edge joins two nodes that are on the canvas; one of these is not.",
    "bad_id": "{id} cannot be an id: an id is 1 to 64 letters, digits, hyphens or underscores.",
    "write_once": "{what} is written once and never changed or removed.",
    "forged_author": "Whoever writes {what} is its author; nobody can write in another name.",
    "not_yours": "Only the person who wrote {what} can change it.",
    "server_only": "Only Workprint itself writes {what}.",
    "role": "{what} can be changed by {least} and up; your role here is {role}.",
    "shot_lock": "This shot is locked by {name}.",
    "picture_lock": "The picture of this scene chain is locked by {name}; only audio levels can change.",
    "style_lock": "Style locked. Create new chain for different look",
    "contract_lock": "The brief and the budget are locked by {name}.",
}
"""What the sender reads, with places to fill in. The text of the style lock stands word for word (G-033)."""
