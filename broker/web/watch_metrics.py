"""Figures of the watchdog and the clock for Prometheus, read from the database when they are asked for, so that any process can show them."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlmodel import Session

from broker.storage import pulses
from broker.workflow.watchdog import CHECKS


def figures(session: Session, now: datetime) -> bytes:
    """What `collected` says, as Prometheus reads it."""
    return generate_latest(collected(session, now))


def collected(session: Session, now: datetime) -> CollectorRegistry:
    """How long ago the watchdog made its last pass, what that found, and how late the clock was."""
    registry = CollectorRegistry()
    watched = pulses.watched(session)
    if watched is not None:
        age = Gauge("baton_watchdog_age_seconds", "How long ago the watchdog made its last pass", registry=registry)
        age.set((now - watched.at).total_seconds())
        found = Gauge(
            "baton_watchdog_found",
            "Obligations whose next step is missing or late, as of that pass",
            ["check"],
            registry=registry,
        )
        for check in CHECKS:
            one = watched.found.get(check.name)
            found.labels(check.name).set(one.count if one else 0)
    late = Gauge(
        "baton_clock_late_seconds",
        "How late the oldest thing was that the clock did in the last hour",
        registry=registry,
    )
    late.set(pulses.late(session, now).total_seconds())
    return registry
