"""What keeps a browser from being talked into anything: whose requests are taken, and what every reply forbids."""

import re
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

from server.errors import Forbidden

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
SERVER_PREFIXES: Final = ("/api/", "/auth/", "/ws/", "/git/", "/healthz", "/metrics")
"""What the server answers itself; every other address is the web app."""
NO_STORE: Final = "no-store"

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Origin-Agent-Cluster": "?1",
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in (
            "accelerometer",
            "browsing-topics",
            "camera",
            "display-capture",
            "geolocation",
            "gyroscope",
            "magnetometer",
            "microphone",
            "midi",
            "payment",
            "publickey-credentials-get",
            "screen-wake-lock",
            "serial",
            "usb",
            "xr-spatial-tracking",
        )
    ),
    # Without it aiohttp tells which versions of itself and of Python run here.
    "Server": "Workprint",
}
"""On every reply, whatever it is."""

# A picture or a film that somebody opens by its own address is shown, in a page that may do nothing else.
_DATA_POLICY: Final = (
    "default-src 'none'",
    "img-src 'self'",
    "media-src 'self'",
    "style-src 'unsafe-inline'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "sandbox",
)
_APP_POLICY: Final = (
    "default-src 'none'",
    "script-src 'self'{hashes}",
    # The editor of prompts and the canvas write their rules into the page while it runs, so no hash can name them.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "font-src 'self' data:",
    # 'self' is also ws: or wss: of the same host and port.
    "connect-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "frame-src 'none'",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
)
_SCRIPT_HASH = re.compile(r"'sha256-[A-Za-z0-9+/]{43}='")


def app_policy(index: str) -> str:
    """The policy of the web app's page: its own files, and the inline scripts whose hashes its build wrote into it."""
    hashes = "".join(f" {found}" for found in dict.fromkeys(_SCRIPT_HASH.findall(index)))
    return "; ".join(_APP_POLICY).format(hashes=hashes)


def headers_for(path: str) -> dict[str, str]:
    """The headers of a reply from `path`, where its handler has not said otherwise."""
    if path.startswith(SERVER_PREFIXES):
        return {**HEADERS, "Content-Security-Policy": "; ".join(_DATA_POLICY), "Cache-Control": NO_STORE}
    return {**HEADERS, "Content-Security-Policy": app_policy("")}


def cross_origin_headers(origin: str, origins: Collection[str]) -> dict[str, str]:
    """What lets a page of a configured origin read a reply (X-016); nothing for any other."""
    if origin not in origins:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
    }


def demand_own_site(
    method: str, path: str, headers: Mapping[str, str], *, host: str, origins: Collection[str], by_cookie: bool
) -> None:
    """Refuse what another site makes a browser send (X-016); raises Forbidden.

    Whoever sends no `Origin` and no `Sec-Fetch-Site` is no browser, and has no cookie that it does not know of.
    """
    acts = method not in SAFE_METHODS or path.startswith("/ws/")
    origin = headers.get("Origin")
    if origin is not None and (origin in origins or origin_host(origin) == host.lower()):
        return
    if acts:
        foreign = origin is not None or headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}
    else:
        # A link to a picture may be followed from anywhere; no other page may load it as a part of itself.
        foreign = (
            by_cookie
            and path.startswith(SERVER_PREFIXES)
            and headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}
            and headers.get("Sec-Fetch-Mode") != "navigate"
        )
    if foreign:
        raise Forbidden("This address may not use this studio. Add it to WORKPRINT_ORIGINS if it should.")


def origin_host(origin: str) -> str:
    """Host and port of an origin of the web; nothing when it is none, as `null`."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in {"http", "https"} else ""
