"""The command `workprint`: run the studio or a part of it, make projects, add people."""

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, NoReturn, get_args

from crdt_schema.records import Role
from server.config import SETTINGS, BadSetting, Config, read_config
from server.errors import WorkprintError
from server.workspace import prepare

ROLES: tuple[Role, ...] = get_args(Role)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    settings = "\n".join(f"  {s.name:<34}{s.help} (default: {s.default or 'none'})" for s in SETTINGS)
    root = argparse.ArgumentParser(
        prog="workprint",
        description="A self-hosted, multiplayer studio for generative film-making.",
        epilog=f"environment:\n{settings}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", help="run everything of the Procfile and print a one-time login")
    serve = commands.add_parser("serve", help="run the hub alone")
    serve.add_argument("--host", help="address to listen on (WORKPRINT_HOST)")
    serve.add_argument("--port", type=int, help="port to listen on (WORKPRINT_PORT)")
    worker = commands.add_parser("worker", help="run one farm worker")
    worker.add_argument("--queues", help="queues it serves, e.g. low,cpu (default: by its GPU)")
    worker.add_argument("--vram", help="GB of GPU memory to offer; 0: none (default: what is found)")
    worker.add_argument("--gpu", help="number of the GPU, one worker each (default: the first)")
    worker.add_argument("--name", help="name of the node (default: the host's with a number)")
    commands.add_parser("redis", help="run the workspace's embedded Valkey")
    commands.add_parser("login-url", help="print a one-time login for the owner of the workspace")
    doctor = commands.add_parser("doctor", help="examine projects; status 0: all is well, 1: to look at, 2: damage")
    doctor.add_argument("project", nargs="?", default="", help="uuid, folder or title; all projects without it")
    doctor.add_argument("--repair", action="store_true", help="repair what is safe, from what is still here")
    doctor.add_argument("--deep", action="store_true", help="read every large file and compare its SHA-256")
    add_lfs_commands(commands.add_parser("lfs", help="Git LFS").add_subparsers(dest="action", required=True))
    add_farm_commands(commands.add_parser("farm", help="the render farm").add_subparsers(dest="action", required=True))
    project = commands.add_parser("project", help="projects").add_subparsers(dest="action", required=True)
    add_project_commands(project)
    pipeline = commands.add_parser("pipeline", help="make, examine and run pipelines", add_help=False)
    pipeline.add_argument("arguments", nargs=argparse.REMAINDER)
    replay = commands.add_parser("replay", help="make a take again and compare the bytes", add_help=False)
    replay.add_argument("arguments", nargs=argparse.REMAINDER)
    user = commands.add_parser("user", help="people").add_subparsers(dest="action", required=True)
    add = user.add_parser("add", help="add somebody; the password comes from standard input or a prompt")
    add.add_argument("name")
    add.add_argument("--role", choices=ROLES, default="editor", help="role in every project that says no other")
    user.add_parser("list", help="everybody of the workspace")
    role = user.add_parser("role", help="give somebody another role in the workspace")
    role.add_argument("name")
    role.add_argument("role", choices=ROLES)
    user.add_parser("remove", help="let somebody in no more; what they made stays").add_argument("name")
    password = user.add_parser("password", help="give somebody another password, which signs them out everywhere")
    password.add_argument("name")
    return root


def add_project_commands(project: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands about projects; a project is named by its id or its title."""
    project.add_parser("new", help="make a project").add_argument("name")
    project.add_parser("list", help="every project, and what lies in the trash")
    export = project.add_parser("export", help="write a project with everything into one file")
    export.add_argument("project")
    export.add_argument("file")
    taking = project.add_parser("import", help="make a project of a bundle, or of a zip or tar of a clone")
    taking.add_argument("file")
    taking.add_argument("--name", default="", help="another title")
    trash = project.add_parser("trash", help="move a project to the trash; the hub must not run")
    trash.add_argument("project")
    trash.add_argument("--reason", default="", help="stands in the audit log")
    project.add_parser("restore", help="put a project back").add_argument("project")
    delete = project.add_parser("delete", help="erase a project in the trash for ever")
    delete.add_argument("project")
    delete.add_argument("--title", required=True, help="its title, to say that you mean it")


def add_lfs_commands(lfs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands that set repositories up for large files; without a folder, those of every project here."""
    check = lfs.add_parser("check", help="say what is missing for large files; status 1 when something is")
    setup = lfs.add_parser("setup", help="set repositories up for large files, also a clone on an artist's machine")
    setup.add_argument("--url", help="take large files from there; '' from where the clone came from")
    setup.add_argument("--pull", default="", metavar="PATTERN", help="fetch these files afterwards; '*': all")
    for command in (check, setup):
        command.add_argument("folder", nargs="?", default="", help="a project or a clone; every project without it")


def add_farm_commands(farm: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands; a node is named as `status` shows it, and a host stands for all its nodes."""
    status = farm.add_parser("status", help="nodes, queues and what runs")
    status.add_argument("--json", action="store_true", help="for programs")
    for name, words in (
        ("pause", "give a node nothing new until it is resumed"),
        ("drain", "let a node end what it has and then stop"),
        ("resume", "give a node work again"),
        ("forgive", "let a node try again what has failed on it too often"),
    ):
        farm.add_parser(name, help=words).add_argument("node", help="a node, or a host with all its nodes")
    farm.add_parser("requeue", help="take a job away from its node and queue it again").add_argument("job")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    given = parser().parse_args(arguments)
    try:
        config = read_config()
        # These may run on a machine that sees no workspace.
        if given.command != "worker" and not (given.command == "lfs" and given.folder):
            prepare(config)
        return run(given, config)
    except (BadSetting, WorkprintError) as error:
        sys.stderr.write(f"workprint: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def run(given: argparse.Namespace, config: Config) -> int:
    """Run the command that was given; each loads only what it needs."""
    match given.command:
        case "up":
            from server.up import up  # noqa: PLC0415

            status = up(config)
        case "redis":
            from server.embedded_redis import become_redis  # noqa: PLC0415

            become_redis(config)
        case "serve":
            from server.serve import serve  # noqa: PLC0415

            status = serve(replace(config, host=given.host or config.host, port=given.port or config.port))
        case "worker":
            become_worker(config, given)
        case "pipeline":
            become_pipeline_command(config, "pipelines.command", given.arguments)
        case "replay":
            become_pipeline_command(config, "pipelines.replay", given.arguments)
        case "doctor":
            status = examine(given, config)
        case "farm":
            from server.farm_commands import farm_command  # noqa: PLC0415

            sys.stdout.write(farm_command(given, config) + "\n")
            status = 0
        case "lfs":
            status = set_up_lfs(given, config)
        case _:
            status = say(short_command(given, config))
    return status


def examine(given: argparse.Namespace, config: Config) -> int:
    """Print what an examination found; the exit status says how bad it is."""
    from server import commands  # noqa: PLC0415 - as in run

    words, status = asyncio.run(commands.doctor(config, given.project, deep=given.deep, repair=given.repair))
    sys.stdout.write(words + "\n")
    return status


def set_up_lfs(given: argparse.Namespace, config: Config) -> int:
    """Print what became of the set-up for large files; the exit status says whether something is missing."""
    from server import project_commands  # noqa: PLC0415 - as in run

    options = ["--check"] if given.action == "check" else []
    if given.action == "setup":
        options += [] if given.url is None else ["--url", given.url]
        options += ["--pull", given.pull] if given.pull else []
    words, status = asyncio.run(project_commands.set_up_lfs(config, given.folder, options))
    sys.stdout.write(words + "\n")
    return status


def become_worker(config: Config, given: argparse.Namespace) -> NoReturn:
    """Become a farm worker: a program of its own, which must not load the server, nor the server it."""
    os.environ["REDIS_URL"] = config.redis_url
    wanted = {name: getattr(given, name) for name in ("queues", "vram", "gpu", "name")}
    options = [word for name, value in wanted.items() if value is not None for word in (f"--{name}", value)]
    os.execv(sys.executable, [sys.executable, "-m", "render_farm.worker", *options])  # noqa: S606 - no shell


def become_pipeline_command(config: Config, module: str, arguments: list[str]) -> NoReturn:
    """Become a command about pipelines, which runs what the server must not load."""
    os.environ["WORKSPACE_ROOT"] = str(config.workspace_root)
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - no shell


def short_command(given: argparse.Namespace, config: Config) -> Coroutine[Any, Any, str]:
    """A command that answers with a line."""
    from server import commands  # noqa: PLC0415 - as in run

    match given.command:
        case "project":
            return project_command(given, config)
        case "user":
            return user_command(given, config)
        case _:
            return commands.login_url(config)


def project_command(given: argparse.Namespace, config: Config) -> Coroutine[Any, Any, str]:
    """A command about projects."""
    from server import commands, project_commands  # noqa: PLC0415 - as in run

    match given.action:
        case "new":
            return commands.new_project(config, given.name)
        case "list":
            return project_commands.list_projects(config)
        case "export":
            return project_commands.export_project(config, given.project, given.file)
        case "import":
            return project_commands.import_project(config, given.file, given.name)
        case "trash":
            return project_commands.trash_project(config, given.project, given.reason)
        case "restore":
            return project_commands.restore_project(config, given.project)
        case _:
            return project_commands.erase_project(config, given.project, given.title)


def user_command(given: argparse.Namespace, config: Config) -> Coroutine[Any, Any, str]:
    """A command about people."""
    from server import commands  # noqa: PLC0415 - as in run

    match given.action:
        case "list":
            return commands.list_users(config)
        case "role":
            return commands.change_role(config, given.name, given.role)
        case "remove":
            return commands.remove_user(config, given.name)
        case "password":
            return commands.set_password(config, given.name, read_password())
        case _:
            return commands.add_user(config, given.name, given.role, read_password())


def say(words: Coroutine[Any, Any, str]) -> int:
    """Print what a short command answers."""
    sys.stdout.write(asyncio.run(words) + "\n")
    return 0


def read_password() -> str:
    """From the terminal without echo, or the first line of standard input."""
    return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


if __name__ == "__main__":
    sys.exit(main())
