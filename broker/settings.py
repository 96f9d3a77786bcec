"""Everything that can be set, each with its default and unit; read once at start and passed on as values."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from broker.errors import Misconfigured

DEMO_KEY = "demonstration-only-secret-key-not-for-production"


class Settings(BaseSettings):
    """Settings from the environment, each `BATON_` and the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix="BATON_", extra="ignore")

    database_url: str = Field(
        default="sqlite:///var/baton.db", description="SQLite file, or postgresql://… for production"
    )
    directory: Path | None = Field(
        default=None, description="Directory file read by --demo and `baton directory import`"
    )
    policy: Path | None = Field(default=None, description="Policy file; without it the default policy that ships")
    public_url: str = Field(default="http://127.0.0.1:8000", description="Address by which callers reach this broker")
    secret_key: SecretStr | None = Field(default=None, description="At least 32 characters; needed unless --demo")
    log_format: Literal["json", "text"] = Field(default="json", description="Shape of log lines")
    lease_seconds: float = Field(default=30, gt=0, description="Seconds a worker holds what it claimed")
    retry_ladder: list[timedelta] = Field(
        default=[timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 7200, 21600, 43200)],
        description="Waits before each further try of a delivery; after the last a task, then one try a day",
    )
    daily_retry: timedelta = Field(default=timedelta(days=1), description="Wait between tries after the ladder")
    poll_seconds: float = Field(
        default=1.0, gt=0, description="Longest wait of the worker between looks at the database"
    )
    webhook_timeout_seconds: float = Field(default=10, gt=0, description="Longest wait for a receiver's answer")
    allow_private_addresses: bool = Field(
        default=False, description="Let webhooks go to private and loopback addresses"
    )
    token_seconds: int = Field(default=300, gt=0, le=3600, description="Life of an access token")
    max_body_bytes: int = Field(default=1_048_576, gt=0, description="Largest request body")
    max_depth: int = Field(default=40, gt=0, description="Deepest nesting of a request body")
    max_entries: int = Field(default=500, gt=0, description="Most entries of a Bundle")
    demo: bool = Field(default=False, description="Demonstration directory, key and people; set by `serve --demo`")

    def key(self) -> bytes:
        """The secret key as bytes; Misconfigured when it is absent or short outside the demonstration."""
        if self.secret_key is None:
            if self.demo:
                return DEMO_KEY.encode()
            raise Misconfigured(
                "BATON_SECRET_KEY is not set: give it at least 32 random characters, or start with --demo."
            )
        key = self.secret_key.get_secret_value().encode()
        if len(key) < 32:
            raise Misconfigured("BATON_SECRET_KEY is too short: give it at least 32 characters.")
        if key == DEMO_KEY.encode() and not self.demo:
            raise Misconfigured("BATON_SECRET_KEY is the demonstration key: give this deployment a key of its own.")
        return key
