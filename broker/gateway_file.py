"""The file that names every way in besides HTTP (`BATON_GATEWAYS`): its shape, checked whole, with secrets named and never written in it."""

import os
import re
from collections.abc import Iterator
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from broker.errors import Misconfigured
from broker.policy.model import Once
from schemas.problem import Problem

Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=50)]
WorkflowId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,50}$")]
MailboxId = Annotated[str, Field(pattern=r"^[A-Z0-9]{6,12}$")]
Bytes = Annotated[int, Field(gt=0, le=104_857_600)]

MESH_LARGEST: Final = 10_485_760
"""Bytes: a document with a PDF in it is a few megabytes."""
_WORKFLOW: Final = re.compile(r"[A-Za-z0-9_.-]{1,50}")
MLLP_LARGEST: Final = 1_048_576
"""Bytes: what the adapters read at most; an admission has 2 KB."""
SQS_LARGEST: Final = 1_048_576
"""Bytes of an SQS message at most, by Amazon's own limit."""


class Part(BaseModel):
    """Any part of the file: none that is not known, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Secret(Part):
    """Where a secret stands: in an environment variable, or alone in a file."""

    env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _one(self) -> "Secret":
        if (self.env is None) == (self.file is None):
            raise ValueError("names either an environment variable (env) or a file (file)")
        return self

    def read(self) -> str:
        """The secret itself; Misconfigured when it is not where it should be."""
        if self.env is not None:
            value = os.environ.get(self.env, "")
        else:
            try:
                value = self.file.read_text(encoding="utf-8").strip() if self.file else ""
            except (OSError, UnicodeDecodeError):
                value = ""
        if not value:
            raise Misconfigured(f"A gateway's secret is missing: {self} is not set or empty.")
        return value

    def __str__(self) -> str:
        """Where it stands, without it."""
        return f"env {self.env}" if self.env is not None else f"file {self.file}"


class Certificate(Part):
    """A certificate with its key, as PEM files."""

    cert_file: Path
    key_file: Path


class Entry(Part):
    """What every way in has."""

    name: Name
    """Stands in logs, metrics and the audit."""
    team: str
    """In whose name what arrives is taken: a directory id."""


def _is_here(host: str | None) -> bool:
    """Whether it is this machine and nothing beyond it."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def _sealed(url: str) -> str:
    if urlsplit(url).scheme != "https" and not _is_here(urlsplit(url).hostname):
        raise ValueError("must begin with https:// beyond this machine")
    return url


def _known(kind: str) -> str:
    from adapters.registry import ADAPTERS  # a worker reads this file too, and needs no adapter

    if kind not in ADAPTERS:
        raise ValueError("is not a kind of adapter: " + ", ".join(sorted(ADAPTERS)))
    return kind


class ServerTls(Certificate):
    """What a listener shows, and whom it lets in."""

    client_ca_file: Path | None = None
    """Certificates that clients must be vouched for by; without it none is asked for."""


class Mllp(Entry):
    """A listener for HL7 v2."""

    way: Literal["mllp"]
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)]
    """0: any that is free."""
    adapter: str
    tls: ServerTls | None = None
    any_client: bool = False
    """Let in whoever can connect: only where the network itself is trusted."""
    connections: Annotated[int, Field(gt=0, le=1000)] = 20
    """Most at once; one more is closed at once."""
    idle_seconds: Annotated[float, Field(gt=0)] = 600
    """A connection that says nothing for so long is closed."""
    max_bytes: Bytes = MLLP_LARGEST

    _adapter = field_validator("adapter")(_known)

    @model_validator(mode="after")
    def _knows_its_clients(self) -> "Mllp":
        asked = self.tls is not None and self.tls.client_ca_file is not None
        if not (asked or self.any_client or _is_here(self.host)):
            raise ValueError(
                "listens beyond this machine: ask for certificates (tls.client_ca_file), or say any_client: true where the network itself is trusted"
            )
        return self


class Mesh(Entry):
    """A MESH mailbox."""

    way: Literal["mesh"]
    url: Annotated[str, Field(pattern=r"^https?://[^@\s]+$")]
    """Of the MESH API; NHS England's own addresses bring their certificates with the client."""
    mailbox: MailboxId
    password: Secret
    shared_key: Secret
    client: Certificate | None = None
    """Ours, which MESH asks for."""
    ca_file: Path | None = None
    """Whom MESH is vouched for by, where it is none of NHS England's own addresses."""
    workflows: dict[WorkflowId, str] = Field(default_factory=dict)
    """Workflow id to the kind of adapter that reads it; any other is kept in quarantine."""
    poll_seconds: Annotated[float, Field(gt=0)] = 300
    """NHS England asks for no more often than every five minutes."""
    max_bytes: Bytes = MESH_LARGEST
    sends: bool = False
    """Whether teams told by MESH are told from this mailbox; one entry at most."""
    send_workflow: WorkflowId = "BATON_NOTIFICATION_1"
    """Workflow id of what is sent from it."""
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30

    _url = field_validator("url")(_sealed)

    @field_validator("workflows")
    @classmethod
    def _kinds(cls, workflows: dict[str, str]) -> dict[str, str]:
        for kind in workflows.values():
            _known(kind)
        return workflows


class Sqs(Entry):
    """A queue that speaks Amazon's SQS protocol (JSON)."""

    way: Literal["sqs"]
    queue_url: Annotated[str, Field(pattern=r"^https?://[^@\s]+$")]
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    access_key_id: Secret
    secret_access_key: Secret
    session_token: Secret | None = None
    adapter: str
    visibility_seconds: Annotated[int, Field(ge=5, le=43_200)] = 60
    """How long what was received is hidden from others; what could not be taken shows again then."""
    wait_seconds: Annotated[int, Field(ge=0, le=20)] = 20
    """Longest wait of one look for messages (long polling)."""
    max_bytes: Bytes = SQS_LARGEST

    _adapter = field_validator("adapter")(_known)
    _url = field_validator("queue_url")(_sealed)


Way: TypeAlias = Annotated[Mllp | Mesh | Sqs, Field(discriminator="way")]


class Gateways(Part):
    """All of it."""

    gateways: tuple[Way, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> "Gateways":
        names = [entry.name for entry in self.gateways]
        if len(set(names)) != len(names):
            raise ValueError("each gateway has a name of its own")
        if sum(entry.sends for entry in self.gateways if isinstance(entry, Mesh)) > 1:
            raise ValueError("one MESH mailbox at most sends")
        return self

    @cached_property
    def sender(self) -> Mesh | None:
        """The mailbox that teams are told from by MESH."""
        return next((entry for entry in self.gateways if isinstance(entry, Mesh) and entry.sends), None)

    @property
    def ways(self) -> dict[str, str]:
        """The kind of adapter by the `via` of what was quarantined before its workflow had one."""
        entries = [entry for entry in self.gateways if isinstance(entry, Mesh)]
        return {via(workflow): kind for entry in entries for workflow, kind in entry.workflows.items()}


def via(workflow: str) -> str:
    """What is stored of a message of a MESH workflow that no adapter was named for."""
    return f"mesh/{workflow}" if _WORKFLOW.fullmatch(workflow) else "mesh"


def load(path: Path | None) -> Gateways:
    """What the file names; nothing without one. Misconfigured, with every fault and its place, when it cannot be used."""
    if path is None:
        return Gateways()
    try:
        with path.open(encoding="utf-8") as file:
            plain = yaml.load(file, Once)  # noqa: S506 - a safe loader that also refuses a key given twice
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured("BATON_GATEWAYS cannot be read as a text file in UTF-8.") from error
    except yaml.YAMLError as error:
        raise Misconfigured("BATON_GATEWAYS is not YAML.", problems=[_unreadable(error)]) from error
    try:
        return Gateways.model_validate(plain)
    except ValidationError as error:
        problems = list(_faults(error))
        raise Misconfigured(
            f"BATON_GATEWAYS has {len(problems)} fault(s): mend what is named.", problems=problems
        ) from (None)


def _unreadable(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    return Problem("" if mark is None else f"line {mark.line + 1}", "is not YAML", "structure")


def _faults(error: ValidationError) -> Iterator[Problem]:
    """Place and reason, without what stands there."""
    for fault in error.errors(include_input=False, include_url=False):
        yield Problem(".".join(str(part) for part in fault["loc"]), fault["msg"].removeprefix("Value error, "), "value")
