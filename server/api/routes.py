"""Every REST route of the service on one page. `/api/v1/...` is the same as `/api/...` (CF-14)."""

from aiohttp import web

from server.api import (
    activity,
    audit,
    auth,
    batches,
    bundles,
    farm,
    farm_control,
    farm_live,
    files,
    forks,
    git,
    git_lfs,
    git_locks,
    git_remote,
    health,
    history,
    jobs,
    lifecycle,
    logs,
    me,
    media,
    members,
    openapi,
    pages,
    pipelines,
    production,
    projects,
    proposals,
    scripts,
    shares,
    takes,
    tasks,
    uploads,
    workspace,
)
from server.keys import OPENAPI

PROJECT = "/projects/{project:[A-Za-z0-9_-]+}"
TRASHED = "/trash/{project:[A-Za-z0-9_-]+}"
FILE = PROJECT + "/files/{file:[A-Za-z0-9_-]+}"
UPLOAD = PROJECT + "/uploads/{upload:[A-Za-z0-9_-]+}"
FORK = PROJECT + "/forks/{fork:[A-Za-z0-9_-]+}"
JOB = PROJECT + "/jobs/{job:[A-Za-z0-9_-]+}"
BATCH = PROJECT + "/batches/{batch:[A-Za-z0-9_-]+}"
CHAINS = PROJECT + "/scene-chains"
CHAIN = CHAINS + "/{chain:[A-Za-z0-9_-]+}"
SEGMENT = CHAIN + "/segments/{segment:[A-Za-z0-9_-]+}"

API: tuple[web.RouteDef, ...] = (
    web.get("/openapi.json", openapi.openapi),
    web.get("/me", me.me),
    web.get("/me/tokens", me.tokens),
    web.post("/me/tokens", me.create_token),
    web.delete("/me/tokens/{credential}", me.revoke_token),
    web.get("/me/sessions", me.sessions),
    web.delete("/me/sessions/{credential}", me.end_session),
    web.put("/me/password", me.change_password),
    web.get("/people", members.people),
    web.get("/audit", audit.of_workspace),
    web.get("/projects", projects.list_projects),
    web.post("/projects", projects.create_project),
    web.post("/projects/import", bundles.take_in),
    web.get(PROJECT, projects.get_project),
    web.patch(PROJECT, projects.change_project),
    web.delete(PROJECT, lifecycle.throw_away),
    web.get(PROJECT + "/bundle", bundles.export, allow_head=False),
    web.post(PROJECT + "/duplicate", lifecycle.duplicate),
    web.get("/trash", lifecycle.list_trash),
    web.post(TRASHED + "/restore", lifecycle.restore),
    web.delete(TRASHED, lifecycle.erase),
    web.get(PROJECT + "/scripts", scripts.list_scripts),
    web.post(PROJECT + "/scripts", scripts.create_script),
    web.get("/workspace/config", workspace.config),
    web.get(PROJECT + "/members", members.members),
    web.post(PROJECT + "/members", members.add),
    web.put(PROJECT + "/members/{user}", members.change),
    web.delete(PROJECT + "/members/{user}", members.remove),
    web.put(PROJECT + "/access", members.open_to),
    web.post(PROJECT + "/owner", members.transfer),
    web.get(PROJECT + "/shares", shares.shares),
    web.post(PROJECT + "/shares", shares.create),
    web.delete(PROJECT + "/shares/{share}", shares.revoke),
    web.get(PROJECT + "/audit", audit.of_project),
    web.get(PROJECT + "/estimate", projects.estimate),
    web.post(PROJECT + "/estimates", batches.estimates),
    web.post(PROJECT + "/batches", batches.create),
    web.get(BATCH, batches.look),
    web.post(BATCH + "/cancel", batches.cancel),
    web.get(JOB, jobs.get_job),
    web.post(JOB + "/cancel", jobs.cancel),
    web.get(JOB + "/preview", jobs.get_preview),
    web.get(JOB + "/attempts/{attempt:[A-Za-z0-9_-]+}/log", logs.get_log, allow_head=False),
    web.post(PROJECT + "/references", media.add_references),
    web.get(PROJECT + "/files", files.get_files),
    web.post(PROJECT + "/files", files.add_files),
    web.get(FILE, files.get_file),
    web.delete(FILE, files.remove_file),
    web.get(FILE + "/thumbnail", files.get_thumbnail),
    web.get(FILE + "/proxy", files.get_proxy),
    web.post(PROJECT + "/uploads", uploads.begin),
    web.get(UPLOAD, uploads.look),
    web.patch(UPLOAD, uploads.go_on),
    web.delete(UPLOAD, uploads.cancel),
    web.get(PROJECT + "/media/{blob}", media.get_media),
    web.get(PROJECT + "/git/status", projects.git_status),
    web.put(PROJECT + "/git/remote", git_remote.set_remote),
    web.get(PROJECT + "/history", history.page),
    web.get(PROJECT + "/history/diff", history.diff),
    web.post(PROJECT + "/history/restore", history.restore),
    web.get(PROJECT + "/history/{commit:[A-Za-z0-9_-]+}", history.version),
    web.get(PROJECT + "/forks", forks.list_forks),
    web.post(PROJECT + "/forks", forks.create),
    web.delete(FORK, forks.delete),
    web.get(FORK + "/diff", forks.diff),
    web.post(FORK + "/merge", forks.merge),
    web.get(PROJECT + "/activity", activity.activity),
    web.get(PROJECT + "/blame", activity.blame),
    web.post(PROJECT + "/snapshots", projects.snapshot),
    web.post(PROJECT + "/takes/reconcile", takes.reconcile),
    web.get(PROJECT + "/proposals", proposals.list_proposals),
    web.delete(PROJECT + "/proposals/{proposal:[A-Za-z0-9_-]+}", proposals.discard_proposal),
    web.get(PROJECT + "/locks", production.get_locks),
    web.put(PROJECT + "/shots/{shot:[A-Za-z0-9_-]+}/lock", production.lock_shot),
    web.put(PROJECT + "/styles/{style:[A-Za-z0-9_-]+}/lock", production.lock_style),
    web.put(PROJECT + "/contract/lock", production.lock_contract),
    web.get(CHAINS, production.list_chains),
    web.post(CHAINS, production.create_chain),
    web.put(CHAIN + "/order", production.order_chain),
    web.put(CHAIN + "/picture-lock", production.lock_picture),
    web.put(SEGMENT, production.change_segment),
    web.put(SEGMENT + "/lock", production.lock_segment),
    web.get("/pipelines", pipelines.pipelines),
    web.get("/pipelines/problems", pipelines.problems),
    web.get("/quality/mappings", pipelines.mappings),
    web.post("/tasks/submit", tasks.submit),
    web.post("/tasks/generate_shot", tasks.generate_shot),
    web.get("/tasks/{task:[A-Za-z0-9_-]+}/status", tasks.status),
    web.get("/farm/nodes", farm.nodes),
    web.get("/farm/live", farm_live.live, allow_head=False),
    web.post("/farm/nodes/{node}/{command:[A-Za-z0-9_-]+}", farm_control.command_node),
    web.post("/farm/queues/{queue}/order", farm_control.order_queue),
    web.post("/farm/jobs/{job:[A-Za-z0-9_-]+}/requeue", farm_control.requeue),
    web.post("/farm/jobs/{job:[A-Za-z0-9_-]+}/priority", farm_control.prioritise),
)

REPOSITORY = "/git/{project:[A-Za-z0-9_-]+}.git"

GIT: tuple[web.RouteDef, ...] = (
    web.get(REPOSITORY + "/info/refs", git.info_refs, allow_head=False),
    web.post(REPOSITORY + "/git-upload-pack", git.upload_pack),
    web.post(REPOSITORY + "/git-receive-pack", git.receive_pack),
    web.post(REPOSITORY + "/info/lfs/objects/batch", git_lfs.batch),
    web.get(REPOSITORY + "/info/lfs/objects/{blob}", git_lfs.get_object),
    web.put(REPOSITORY + "/info/lfs/objects/{blob}", git_lfs.put_object),
    web.post(REPOSITORY + "/info/lfs/verify", git_lfs.verify),
    web.post(REPOSITORY + "/info/lfs/locks", git_locks.create_lock),
    web.get(REPOSITORY + "/info/lfs/locks", git_locks.list_locks),
    web.post(REPOSITORY + "/info/lfs/locks/verify", git_locks.verify_locks),
    web.post(REPOSITORY + "/info/lfs/locks/{lock}/unlock", git_locks.unlock),
)
"""What git and git-lfs ask for: protocols of their own, which the description of REST leaves out."""

ROUTES: tuple[web.RouteDef, ...] = (
    web.get("/healthz", health.health),
    web.get("/metrics", health.metrics),
    web.post("/auth/token", auth.token),
    web.post("/auth/refresh", auth.refresh),
    web.post("/auth/share", auth.share),
    web.post("/auth/login", auth.login),
    web.post("/auth/logout", auth.logout),
    web.get("/auth/one-time", auth.one_time),
    web.get("/auth/socket-token", auth.socket_token),
    web.put("/api/farm/previews/{project}/{job:[A-Za-z0-9_-]+}", jobs.put_preview),
    web.put("/api/farm/blobs/{project}/{blob}", farm.put_blob),
    web.get("/api/farm/blobs/{project}/{blob}", farm.get_blob),
    *(web.RouteDef(r.method, prefix + r.path, r.handler, r.kwargs) for prefix in ("/api/v1", "/api") for r in API),
)


def add_routes(app: web.Application) -> None:
    """Add them all; the web app's pages come last, because they take every address that is left."""
    app.add_routes((*ROUTES, *GIT))
    app[OPENAPI] = openapi.document(ROUTES)


def add_pages(app: web.Application) -> None:
    """Everything else is the web app, but nothing below the addresses that the server answers itself."""
    app.router.add_get("/{path:(?!(?:api|auth|ws|git|healthz|metrics)(?:/|$)).*}", pages.page)
