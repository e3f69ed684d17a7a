"""Fixtures of a real farm."""

from tests.support.farm import farm, start_worker, valkey

__all__ = ["farm", "start_worker", "valkey"]
