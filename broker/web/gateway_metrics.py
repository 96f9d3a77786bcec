"""When each gateway last worked, for Prometheus, read from the database, so that any process can show it."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlmodel import Session

from broker.storage import pulses


def figures(session: Session, now: datetime) -> bytes:
    """How long ago each that ever ran looked, or listened, and reached the database."""
    registry = CollectorRegistry()
    age = Gauge("baton_gateway_age_seconds", "How long ago the gateway last worked", ["gateway"], registry=registry)
    for name, at in pulses.gateways(session).items():
        age.labels(name).set((now - at).total_seconds())
    return generate_latest(registry)
