"""Fixtures of a real farm."""

from tests.support.farm import farm, start_worker, valkey  # noqa: F401 - pytest finds fixtures by name
