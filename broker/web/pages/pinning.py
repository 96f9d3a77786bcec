"""For whose people an issuer may speak: the main one for everybody's, each other for those of the agencies that it is pinned to."""

from broker.settings import Settings
from broker.web.pages.issuers import DEMONSTRATION


def main_issuer(settings: Settings) -> str:
    """What the main issuer calls itself."""
    return settings.oidc_issuer or DEMONSTRATION


def is_main(issuer: str | None, settings: Settings) -> bool:
    """Whether it is the main one; accounts of earlier releases, None, are its."""
    return issuer is None or issuer == main_issuer(settings)


def agencies_of(issuer: str, settings: Settings) -> frozenset[str]:
    """The agencies that another issuer is pinned to; none for one that is not (any more) set."""
    return frozenset(
        agency for one in settings.oidc_issuers.values() if one.issuer == issuer for agency in one.agencies
    )
