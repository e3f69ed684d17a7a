"""Typed keys under which the one application holds its parts."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry

from pipelines.registry import Catalogue
from pipelines.spec import Pipeline
from render_farm.queues import Farm
from server.activity.service import Activity
from server.auth.attempts import Attempts
from server.auth.audit import Audit
from server.auth.people import People
from server.auth.tokens import Tokens
from server.config import Config
from server.git.backend import Backend
from server.history.forks import Forks
from server.history.service import History
from server.hub.hub import Hub
from server.intents.farm_live import FarmLive
from server.intents.service import Intents
from server.production.chains import SceneChains
from server.production.locks import LockKeeper
from server.projects.cards import Cards
from server.projects.duplicate import Duplicates
from server.projects.importing import Imports
from server.projects.index import Projects
from server.projects.proposals import Proposals
from server.projects.takes_check import TakesCheck
from server.projects.thumbnails import Thumbnails
from server.projects.trash import Trash
from server.projects.uploads import Uploads
from server.snapshot.pusher import Pusher
from server.snapshot.snapshotter import Snapshotter
from server.store.replication import Replication

CONFIG = web.AppKey("config", Config)
CLOCK: web.AppKey[Callable[[], datetime]] = web.AppKey("clock")
AUDIT = web.AppKey("audit", Audit)
ATTEMPTS = web.AppKey("attempts", Attempts)
PEOPLE = web.AppKey("people", People)
TOKENS = web.AppKey("tokens", Tokens)
PROJECTS = web.AppKey("projects", Projects)
PROPOSALS = web.AppKey("proposals", Proposals)
DUPLICATES = web.AppKey("duplicates", Duplicates)
IMPORTS = web.AppKey("imports", Imports)
TRASH = web.AppKey("trash", Trash)
TAKES_CHECK = web.AppKey("takes_check", TakesCheck)
HUB = web.AppKey("hub", Hub)
FARM = web.AppKey("farm", Farm)
FARM_LIVE = web.AppKey("farm_live", FarmLive)
CARDS = web.AppKey("cards", Cards)
INTENTS = web.AppKey("intents", Intents)
LOCKS = web.AppKey("locks", LockKeeper)
CHAINS = web.AppKey("chains", SceneChains)
PUSHER = web.AppKey("pusher", Pusher)
SNAPSHOTTER = web.AppKey("snapshotter", Snapshotter)
GIT = web.AppKey("git", Backend)
HISTORY = web.AppKey("history", History)
FORKS = web.AppKey("forks", Forks)
ACTIVITY = web.AppKey("activity", Activity)
METRICS = web.AppKey("metrics", CollectorRegistry)
REPLICATION = web.AppKey("replication", Replication)
UPLOADS = web.AppKey("uploads", Uploads)
THUMBNAILS = web.AppKey("thumbnails", Thumbnails)
OPENAPI: web.AppKey[dict[str, Any]] = web.AppKey("openapi")
CATALOGUE = web.AppKey("catalogue", Catalogue)
PIPELINES = web.AppKey("pipelines", dict[str, Pipeline])
