"""Takes a removed file out of the repository, as a commit of whoever removed it; it blocks."""

from datetime import datetime

from server.auth.actor import Actor
from server.projects.files import Home, ProjectFile
from server.snapshot.repo import ProjectRepo, TipMoved, exclusive

ATTEMPTS = 5


def commit_removal(project: Home, file: ProjectFile, by: Actor, at: datetime) -> None:
    """Commit that a file is gone, where it stood in a commit; raises TipMoved when others kept committing."""
    with exclusive(project.folder):
        for attempt in range(ATTEMPTS):
            repo = ProjectRepo(project.folder)
            tip = repo.tip()
            if file.place.exists() or repo.read(tip.tree, file.path) is None:
                return
            tree = repo.tree_without(tip, file.path)
            try:
                repo.commit(tip, tree, f"{file.name} removed\n", by, at)
            except TipMoved:
                if attempt == ATTEMPTS - 1:
                    raise
                continue
            if tip.checked_out:
                repo.unstage(file.path)
            return
