"""Gives a finished attempt its take number and its file, once, whoever else writes takes of the same shot."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from crdt_schema.ids import BlobHash
from crdt_schema.records import Job, Take
from render_farm.job import Finished
from server.intents.recipe import HIGHEST_NUMBER
from server.projects.index import Project, Projects, TakeExists
from server.projects.layout import UnknownMedia, suffix_of


class CannotFile(Exception):
    """A result cannot become a take; the message is for the artist."""


class Place(NamedTuple):
    """Where a take of a shot belongs."""

    chapter: int
    scene: int
    shot: int

    @staticmethod
    def of(recipe: Mapping[str, Any]) -> "Place":
        """The place that was asked for, even if the shot was renumbered since."""
        slate = recipe["slate"]
        return Place(int(slate["chapter"]), int(slate["scene"]), int(slate["shot"]))


@dataclass(frozen=True)
class Known:
    """What the document says: the lowest number to try, and the names of all its takes."""

    number: int
    names: Container[str]


def file_take(projects: Projects, project: Project, event: Finished, place: Place, known: Known) -> tuple[int, str]:
    """Write the file of a take under the first free number; its number and name. It blocks. Raises CannotFile.

    A file with our bytes whose name no take has was written by us before a crash, and is taken up again.
    """
    number = known.number
    media = event.outputs[0]
    if not project.blobs.has(media["blob"]):
        raise CannotFile("The farm finished, but its picture did not arrive. Please generate again.")
    try:
        suffix = suffix_of(media["media_type"])
    except UnknownMedia as error:
        raise CannotFile("The farm delivered a kind of file that a project cannot hold.") from error
    while number <= HIGHEST_NUMBER:
        try:
            name = projects.store_take(
                project,
                chapter=place.chapter,
                scene=place.scene,
                shot=place.shot,
                number=number,
                suffix=suffix,
                blob=BlobHash(media["blob"]),
            )
        except TakeExists as there:
            if there.same_bytes and there.name not in known.names:
                return number, there.name
            number += 1
        else:
            return number, name
    raise CannotFile(f"This shot has {HIGHEST_NUMBER} takes already.")


def make_take(job_id: str, job: Job, event: Finished, number: int, name: str) -> Take:
    """The record of a take."""
    place = Place.of(job["recipe"])
    take: Take = {
        "node": job["node"],
        "job": job_id,
        "attempt": event.attempt,
        "number": number,
        "name": name,
        "chapter": place.chapter,
        "scene": place.scene,
        "shot": place.shot,
        "media": event.outputs[0],
        "thumbnail": event.thumbnail,
        "recipe": job["recipe"],
        "created_at": event.at,
        "created_by": job["asked_by"],
        "created_by_name": job["asked_by_name"],
        "seconds": event.seconds,
        "cost_usd": job["cost_usd"] if event.cost_usd is None else event.cost_usd,
    }
    if event.facts:
        take["facts"] = dict(event.facts)
    return take
