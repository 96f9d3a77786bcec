"""Signs a request as Amazon's services ask (Signature Version 4, header form); a POST without query is all that SQS needs."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit

ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who signs."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    """Of credentials that were lent for a while."""


def signed(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    credentials: Credentials,
    region: str,
    service: str,
    now: datetime,
) -> dict[str, str]:
    """The headers of a POST with those that the signature needs.

    Args:
        url: without a query.
        headers: those to be signed, besides the host and the time.
        body: what is sent.
        credentials: who signs.
        region: such as `eu-west-2`.
        service: such as `sqs`.
        now: aware, in UTC; the service refuses what is more than five minutes off.
    """
    at = now.strftime("%Y%m%dT%H%M%SZ")
    token = {} if credentials.session_token is None else {"x-amz-security-token": credentials.session_token}
    sent = {name.lower(): value.strip() for name, value in headers.items()} | {"x-amz-date": at} | token
    named = {"host": urlsplit(url).netloc, **sent}
    names = ";".join(sorted(named))
    request = "\n".join(
        [
            "POST",
            quote(urlsplit(url).path or "/", safe="/-_.~"),
            "",
            *(f"{name}:{named[name]}" for name in sorted(named)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join([ALGORITHM, at, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    authorization = (
        f"{ALGORITHM} Credential={credentials.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return {**sent, "authorization": authorization}
