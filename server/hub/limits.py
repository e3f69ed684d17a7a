"""Limits: how much one session or one room may ask of the hub, each with its reason."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Sizes are bytes on the wire, times are seconds. The defaults suit a studio of fifty people on one machine."""

    frame_bytes: int = 64 * MIB
    """Longest websocket message. aiohttp's own 4 MiB would cut off the first sync of a large document."""
    update_bytes: int = 32 * MIB
    """Longest update; below `frame_bytes`, so that who sends too much is told so instead of being cut off."""
    document_bytes: int = 64 * MIB
    """A document of this size takes no more content, only deletions: it could hardly be loaded or sent any more."""
    waiting_updates: int = 100
    """Updates that one session may send before the changes they build on. Honest clients hardly ever do."""
    waiting_bytes: int = 4 * MIB
    """... and all of those together."""
    room_waiting_updates: int = 1000
    """The same for all sessions of a room."""
    room_waiting_bytes: int = 32 * MIB
    """... and all of those together."""
    messages_per_second: float = 2000.0
    """Messages one socket may send, sustained; a drag is 60 a second. Whoever sends more is read more slowly."""
    message_burst: int = 10_000
    """Messages one socket may send at once: what a client kept while it was offline may come one by one."""
    receive_bytes_per_second: float = 16.0 * MIB
    """Bytes one socket may send, sustained."""
    receive_burst_bytes: int = 128 * MIB
    """Bytes one socket may send at once: two of the longest messages."""
    throttle_seconds: float = 30.0
    """A socket that would have to wait longer than this is closed: it does not mean to be read."""
    sessions_per_user: int = 200
    """Sessions one person may have in one process: twenty tabs with ten documents."""
    sessions_per_room: int = 1000
    """Sessions in one room: every one of them costs each broadcast."""
    outbox_bytes: int = 1 * MIB
    """A session with more than this unsent is behind: it gets nothing more until it has read, then one diff."""
    held_frames: int = 256
    """Messages kept for a session that is still being admitted, or whose room is being rebuilt."""
    refusals_per_minute: float = 60.0
    """Updates of one session that are put back; who goes on changing what may not be changed is closed."""
    presence_bytes: int = 32 * 1024
    """Longest presence state of one client; a longer one is not shown to the others."""
    presence_per_second: float = 200.0
    """Presence messages of one session that are heard; more are dropped, as the next one says the same anew."""
    presence_clients: int = 8
    """Yjs clients that one session may present; providers present one."""
    documents_per_socket: int = 64
    """Documents that one Hocuspocus socket may have open."""
    admit_seconds: float = 15.0
    """A socket on which nobody has shown a valid token within this time is closed."""
    dead_seconds: float = 36.0
    """A client from which nothing was heard for this long, although it was pinged, is dropped."""
    keepalive_seconds: float = 12.0
    """Both providers reconnect when they hear nothing for 30 s, and websocket pings do not count for them."""
    catch_up_seconds: float = 0.05
    """How often a session that is behind is looked at."""
    grace_seconds: float = 10.0
    """How long a room stays in memory after its last user has left."""
    tick_seconds: float = 0.005
    """How long edits may gather in a room while the hub is busy; while it is not they are told at once."""
    gather_seconds: float = 0.04
    """Shortest time between two commits of a busy log; a quiet one writes each edit as it comes."""
