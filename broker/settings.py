"""Everything that can be set, each with its default and unit; read once at start and passed on as values."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from broker.errors import Misconfigured

DEMO_KEY = "demonstration-only-secret-key-not-for-production"


class LookupClient(BaseModel):
    """One service that is asked for records. What it is told of us stands in files, never in the environment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str
    """Address below which everything is fetched, and nothing else ever is."""
    path: str = "{value}"
    """What follows it for the record of an identifier; `{value}` is the identifier's value."""
    accept: str = "application/json"
    token_file: Path | None = None
    """A file with a bearer token, read at each request."""
    token_url: str | None = None
    """Where client credentials give one (OAuth 2.0), with `client_id` and `client_secret_file`."""
    client_id: str | None = None
    client_secret_file: Path | None = None


class TrustedIssuer(BaseModel):
    """Whose access tokens are taken beside our own, and for whom."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    agency: str
    """The one agency whose teams' systems it may speak for."""
    jwks_file: Path
    """Its public keys, a JWK Set; nothing is ever fetched."""


class PeopleIssuer(BaseModel):
    """Another issuer that people of some agencies sign in with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str
    client_id: str = "baton"
    client_secret_file: Path | None = None
    agencies: list[str] = Field(min_length=1)
    """Whose teams' people it may speak for; it makes nobody auditor or administrator."""
    label: str = Field(min_length=1, max_length=60)
    """What the sign-in page calls it."""


class Settings(BaseSettings):
    """Settings from the environment, each `BATON_` and the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix="BATON_", extra="ignore")

    database_url: str = Field(
        default="sqlite:///var/baton.db", description="SQLite file, or postgresql://… for production"
    )
    database_timeout_seconds: float = Field(
        default=3.5,
        ge=1,
        description="Longest wait for PostgreSQL's answer to one statement; behind it callers are told to come back (503)",
    )
    directory: Path | None = Field(
        default=None, description="Directory file read by --demo and `baton directory import`"
    )
    policy: Path | None = Field(default=None, description="Policy file; without it the default policy that ships")
    gateways: Path | None = Field(
        default=None,
        description="File of the ways in besides HTTP, which `baton gateway` runs, and of the MESH mailbox that teams are told from",
    )
    public_url: str = Field(default="http://127.0.0.1:8000", description="Address by which callers reach this broker")
    secret_key: SecretStr | None = Field(
        default=None, description="At least 32 characters that nobody can guess; needed unless --demo"
    )
    keys: SecretStr | None = Field(
        default=None,
        description="Key-encryption keys as epoch:base64, separated by spaces; the newest is used from `baton keys rotate` on (docs/encryption.md)",
    )
    key_file: Path | None = Field(
        default=None, description="File of key-encryption keys, in place of BATON_KEYS; `baton keys rotate` adds to it"
    )
    key_command: str | None = Field(
        default=None,
        description="Command by which a key management service wraps and unwraps the keys of that file",
    )
    log_format: Literal["json", "text"] = Field(default="json", description="Shape of log lines")
    amqp_url: SecretStr | None = Field(
        default=None,
        description="RabbitMQ as amqp:// or amqps://, several of a cluster separated by commas; without it PostgreSQL announces, or on SQLite nobody has to",
    )
    amqp_management_url: SecretStr | None = Field(
        default=None,
        description="RabbitMQ's management interface, with who may make users there; else they are only shown",
    )
    amqp_ca_file: Path | None = Field(default=None, description="Certificates that amqps:// servers are checked with")
    amqp_cert_file: Path | None = Field(
        default=None, description="Our certificate for amqps://, with its key in one file"
    )
    amqp_shards: int = Field(default=8, ge=1, le=128, description="Queues of internal work; the same in every process")
    publish_timeout_seconds: float = Field(
        default=5, gt=0, description="Longest wait for RabbitMQ to confirm a message"
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="Mail server as smtp:// (STARTTLS where offered) or smtps://, for teams told by e-mail",
    )
    smtp_tls: Literal["offered", "required"] = Field(
        default="offered",
        description="For smtp://: STARTTLS where the server offers it, or nothing is handed in without (smtps:// is TLS always)",
    )
    ca_file: Path | None = Field(
        default=None,
        description="Certificates that webhooks and mail servers are checked with, in place of the usual ones",
    )
    smtp_from: str = Field(default="baton@localhost", description="Sender of those e-mails")
    lease_seconds: float = Field(default=30, gt=0, description="Seconds a worker holds what it claimed")
    retry_ladder: list[timedelta] = Field(
        default=[timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 7200, 21600, 43200)],
        description="Waits before each further try of a delivery; after the last a task, then one try a day",
    )
    daily_retry: timedelta = Field(default=timedelta(days=1), description="Wait between tries after the ladder")
    receipt_ladder: list[timedelta] = Field(
        default=[timedelta(seconds=s) for s in (120, 600, 1800, 7200, 21600, 43200)],
        description="Waits for a receipt before what a queue or an e-mail took is sent again; after the last a task, then one try a day",
    )
    breaker_failures: int = Field(
        default=5, ge=1, description="Failed tries in a row after which a team's channel is paused"
    )
    breaker_ladder: list[Annotated[timedelta, Field(gt=timedelta(), le=timedelta(hours=1))]] = Field(
        default=[timedelta(seconds=s) for s in (10, 30, 60, 300)],
        min_length=1,
        description="How long it is paused, the first time, the second … (an hour at most); then one try decides",
    )
    canary_seconds: float = Field(default=900, gt=0, description="Time between two test messages through each channel")
    watchdog_seconds: float = Field(
        default=60, gt=0, description="Time between two passes of the watchdog; a third one missed and /readyz is 503"
    )
    heartbeat_url: SecretStr | None = Field(
        default=None,
        description="Address that is told (POST) of every pass of the watchdog that found nothing; silence there is the alarm",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="Bearer token by which `/metrics` shows single teams' channels too: how many messages wait for a team is not for everybody",
    )
    worker_metrics_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port on 127.0.0.1 at which `baton worker` shows /metrics; without it only `baton serve` does",
    )
    poll_seconds: float = Field(
        default=1.0, gt=0, description="Longest wait of the worker between looks at the database"
    )
    webhook_timeout_seconds: float = Field(default=10, gt=0, description="Longest wait for a receiver's answer")
    lookup_clients: dict[str, LookupClient] = Field(
        default={},
        description="JSON: services that are asked who a number belongs to or what an event points to, by name (docs/lookups.md)",
    )
    lookup_ladder: list[Annotated[timedelta, Field(gt=timedelta())]] = Field(
        default=[timedelta(seconds=s) for s in (30, 120, 600, 1800, 3600)],
        min_length=1,
        description="Waits before such a service is asked once more; the last goes on for as long as it does not answer",
    )
    lookup_timeout_seconds: float = Field(default=10, gt=0, description="Longest wait for such a service's answer")
    allow_private_addresses: bool = Field(
        default=False, description="Let webhooks go to private and loopback addresses"
    )
    token_seconds: int = Field(default=300, gt=0, le=3600, description="Life of an access token")
    token_client_limit: int = Field(
        default=60, gt=0, description="Access tokens that one client gets in a minute, of each process; then 429"
    )
    token_address_limit: int = Field(
        default=600, gt=0, description="Requests to /oauth2/… from one address in a minute, of each process; then 429"
    )
    trusted_issuers: dict[str, TrustedIssuer] = Field(
        default={},
        description="JSON: issuers whose access tokens are taken, each with its agency and key set (docs/callers.md)",
    )
    trusted_proxies: list[IPvAnyNetwork] = Field(
        default=[],
        description="JSON: networks of proxies in front, whose X-Forwarded-For is believed (docs/callers.md)",
    )
    client_certificate_header: str | None = Field(
        default=None,
        description="Header in which those proxies pass a caller's certificate, as Client-Cert (RFC 9440) or escaped PEM (docs/callers.md)",
    )
    oidc_issuer: str | None = Field(
        default=None,
        description="Issuer that people sign in with (OpenID Connect); without it nobody signs in but in --demo",
    )
    oidc_client_id: str = Field(default="baton", description="What that issuer knows this broker as")
    oidc_client_secret: SecretStr | None = Field(
        default=None,
        description="The secret that the issuer gave for it; without one it is a public client (PKCE alone)",
    )
    oidc_issuers: dict[str, PeopleIssuer] = Field(
        default={},
        description="JSON: more issuers that people sign in with, each for the people of some agencies (docs/callers.md)",
    )
    oidc_strong: list[str] = Field(
        default=[],
        description="JSON: of `acr` or `amr` one must be among these when somebody signs in again for an emergency; any will do without it",
    )
    service_name: str = Field(
        default="Baton", max_length=60, description="What pages call the service; no logo is shown"
    )
    organisation: str = Field(default="", max_length=80, description="Who runs it, in words beside its name on pages")
    contact: str = Field(
        default="", max_length=160, description="Whom people ask when pages do not work: a telephone number, an address"
    )
    session_idle: timedelta = Field(
        default=timedelta(minutes=15),
        gt=timedelta(minutes=3),
        description="After so long without a step somebody is signed out",
    )
    session_longest: timedelta = Field(
        default=timedelta(hours=12), description="After so long everybody signs in again"
    )
    max_body_bytes: int = Field(default=1_048_576, gt=0, description="Largest request body")
    body_seconds: float = Field(default=30, gt=0, description="Longest wait for a request's body")
    calls_per_second: float = Field(
        default=50,
        gt=0,
        description="Calls of one agency that each process takes, 20 seconds' worth of them at once; as many again to its people's pages, and to what these ask by themselves while they are open. Behind it 429 with Retry-After",
    )
    max_depth: int = Field(default=40, gt=0, description="Deepest nesting of a request body")
    max_entries: int = Field(default=500, gt=0, description="Most entries of a Bundle")
    debug: bool = Field(default=False, description="Refused outside --demo: there is no mode that shows what was sent")
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
