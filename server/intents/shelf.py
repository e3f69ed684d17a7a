"""The jobs and takes of one project as plain values, found without looking at all of them; pure."""

from bisect import bisect_left, insort
from collections.abc import Container, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, Self

from crdt_schema.records import Job, Take
from crdt_schema.takes import LIVE_STATUSES, Costs
from server.intents.recipe import Recipe, hash_of

Slate = tuple[int, int, int]
"""Chapter, scene and shot: where the file of a take lies."""
_NONE = (0, "")


class _Card(NamedTuple):
    """What a take is found by."""

    node: str
    slate: Slate
    number: int
    name: str
    cost_usd: float
    recipe: Recipe

    @classmethod
    def of(cls, take: Take) -> Self:
        slate = (int(take["chapter"]), int(take["scene"]), int(take["shot"]))
        recipe, cost_usd = dict(take["recipe"]), float(take["cost_usd"])
        return cls(str(take["node"]), slate, int(take["number"]), str(take["name"]), cost_usd, recipe)


class _Equals:
    """The recipes of one shot by their hashes, with or without the seed. One is made when it is first asked for."""

    def __init__(self) -> None:
        self._recipes: list[tuple[str, Recipe]] = []
        self._read = {False: 0, True: 0}
        self._found: dict[tuple[bool, str], list[str]] = {}

    def add(self, key: str, recipe: Recipe) -> None:
        """One more."""
        self._recipes.append((key, recipe))

    def of(self, wanted: str, *, any_seed: bool) -> Sequence[str]:
        """Whose recipe has that hash."""
        for key, recipe in islice(self._recipes, self._read[any_seed], None):
            self._found.setdefault((any_seed, hash_of(recipe, any_seed=any_seed)), []).append(key)
        self._read[any_seed] = len(self._recipes)
        return self._found.get((any_seed, wanted), ())


class Shelf:
    """Kept current by `put_take` and `put_job`. Equal recipes make equal takes. Do not change what it gives."""

    def __init__(self, takes: Mapping[str, Take] | None = None, jobs: Mapping[str, Job] | None = None) -> None:
        self._takes: dict[str, Take] = {}
        self._live: dict[str, Job] = {}
        self._making: dict[str, dict[str, Job]] = {}
        """The live jobs of each shot."""
        self._clear()
        for key, take in (takes or {}).items():
            self.put_take(key, take)
        for key, job in (jobs or {}).items():
            self.put_job(key, job)

    @property
    def takes(self) -> Mapping[str, Take]:
        """Every take by id."""
        return self._takes

    @property
    def live(self) -> Mapping[str, Job]:
        """The jobs that have not ended."""
        return self._live

    @property
    def names(self) -> Container[str]:
        """The names of all takes."""
        return self._names

    def put_take(self, key: str, take: Take | None) -> None:
        """This is how a take stands now, if there is one; one that cannot be read is left out, with a dict's errors."""
        known = self._takes.pop(key, None)
        if known is not None and known != take:
            # A take is written once: to find all the others anew is for what hardly ever happens, and may take long.
            self._clear()
            for each, there in self._takes.items():
                self._find_by(each, _Card.of(there))
        if take is not None:
            card = _Card.of(take)
            self._takes[key] = take
            if take != known:
                self._find_by(key, card)

    def put_job(self, key: str, job: Job | None) -> None:
        """This is how a job stands now, if there is one; raises as `put_take` does."""
        before = self._live.pop(key, None)
        if before is not None:
            del self._making[before["node"]][key]
        if job is not None and job["status"] in LIVE_STATUSES:
            # Tried before it is kept: one that cannot be read must not keep the others from being read.
            _ = float(job["cost_usd"]), dict(job["recipe"])
            self._making.setdefault(job["node"], {})[key] = job
            self._live[key] = job

    def costs(self) -> Costs:
        """What the project has spent, and what its live jobs will cost."""
        return Costs(self._spent_usd, sum(job["cost_usd"] for job in self._live.values()))

    def next_number(self, node: str, slate: Slate) -> int:
        """One more than the shot ever had, and than any other shot has that carries the same numbers."""
        highest = (self._numbered.get(about, [_NONE])[-1] for about in (node, slate))
        return max(number for number, _ in highest) + 1

    def before(self, key: str) -> str:
        """The take of the same shot with the next lower number, or empty."""
        take = self._takes[key]
        mine = self._numbered[take["node"]]
        at = bisect_left(mine, (int(take["number"]), ""))
        return mine[at - 1][1] if at else ""

    def equal_take(self, node: str, active: str, wanted: str, *, any_seed: bool) -> str:
        """The take of a shot whose recipe has that hash: the active one if it is such a take, else the newest."""
        if active in self._takes and hash_of(self._takes[active]["recipe"], any_seed=any_seed) == wanted:
            return active
        equal = self._equals[node].of(wanted, any_seed=any_seed) if node in self._equals else ()
        return max(equal, key=lambda key: (int(self._takes[key]["number"]), key), default="")

    def is_being_made(self, node: str, wanted: str, *, any_seed: bool) -> bool:
        """Whether such a take of a shot is on its way."""
        making = self._making.get(node, {}).values()
        return any(_hash_of_job(job, any_seed=any_seed) == wanted for job in making)

    def _clear(self) -> None:
        """Find no take by anything but its id."""
        self._spent_usd = 0.0
        self._names: set[str] = set()
        self._numbered: dict[str | Slate, list[tuple[int, str]]] = {}
        self._equals: dict[str, _Equals] = {}

    def _find_by(self, key: str, card: _Card) -> None:
        self._spent_usd += card.cost_usd
        self._names.add(card.name)
        for about in (card.node, card.slate):
            insort(self._numbered.setdefault(about, []), (card.number, key))
        self._equals.setdefault(card.node, _Equals()).add(key, card.recipe)


def _hash_of_job(job: Job, *, any_seed: bool) -> str:
    known = "" if any_seed else job.get("recipe_hash", "")
    return known or hash_of(job["recipe"], any_seed=any_seed)
