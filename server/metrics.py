"""Metrics: the hub's counts under the names that Prometheus knows them by."""

from collections.abc import Iterable

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from server.hub.counts import Distribution
from server.hub.hub import Hub


class HubCollector(Collector):
    """Reads a hub when it is asked. No label names a project, a person or a document: the page needs no sign-in."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterable[Metric]:
        """Everything, in the order in which an operator would look at it."""
        yield from self._present()
        yield from self._done()
        yield from self._measured()

    def _present(self) -> Iterable[Metric]:
        rooms, log = self._hub.rooms(), self._hub.log_state()
        yield _gauge("rooms", "Documents in memory.", len(rooms))
        yield _gauge("sessions", "Clients in rooms.", sum(len(room.sessions) for room in rooms))
        yield _gauge("log_rows", "Changes in the logs of the open projects since their checkpoints.", log.rows)
        yield _gauge("log_bytes", "Bytes of these changes.", log.bytes)
        yield _gauge("checkpoint_bytes", "Bytes of the checkpoints.", log.checkpoint_bytes)
        yield _gauge("store_failing", "Projects whose log could not be written at the last try.", log.failing)

    def _done(self) -> Iterable[Metric]:
        counts = self._hub.counts
        yield _counter("edits", "Updates of clients that were applied.", counts.edits)
        yield _counter("deliveries", "Edits times the sessions that each was sent to.", counts.deliveries)
        yield _counter("presence_messages", "Presence messages that were sent.", counts.presence_messages)
        yield _counter(
            "outbox_drops", "Times that a slow session was put behind, to get one diff.", counts.outbox_drops
        )
        yield _counter("rebuilds", "Documents that an update had ruined and that were loaded again.", counts.rebuilds)
        refusals = CounterMetricFamily("workprint_refusals", "What was refused, by reason.", labels=["reason"])
        for reason, count in sorted(counts.refusals.items()):
            refusals.add_metric([reason], count)
        yield refusals

    def _measured(self) -> Iterable[Metric]:
        counts = self._hub.counts
        yield _histogram("flush_edits", "Updates of clients that one flush of a room told.", counts.flush_edits)
        yield _histogram("flush_seconds", "How long one flush of a room took.", counts.flush_seconds)
        yield _histogram("commit_seconds", "How long one commit of a log took.", counts.commit_seconds)
        yield _histogram(
            "acknowledge_seconds",
            "From the moment an edit was applied until it was acknowledged as safe.",
            counts.acknowledge_seconds,
        )


def registry_of(hub: Hub) -> CollectorRegistry:
    """The metrics of one hub and of its process."""
    registry = CollectorRegistry()
    registry.register(HubCollector(hub))
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"workprint_{name}", words, value=value)


def _counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(f"workprint_{name}", words, value=value)


def _histogram(name: str, words: str, distribution: Distribution) -> Metric:
    total, buckets = 0, list[tuple[str, float]]()
    for bound, count in zip((*distribution.bounds, float("inf")), distribution.buckets, strict=True):
        total += count
        buckets.append(("+Inf" if bound == float("inf") else str(bound), total))
    return HistogramMetricFamily(f"workprint_{name}", words, buckets=buckets, sum_value=distribution.total)
