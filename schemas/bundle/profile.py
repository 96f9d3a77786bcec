"""Names of the R4 profile "Baton message": addresses of extensions, systems of codes, what foreign codes mean."""

from typing import Final

from schemas.codes import CANONICAL, RelationshipKind


def extension_url(name: str) -> str:
    """The address of an extension of ours."""
    return f"{CANONICAL}/StructureDefinition/{name}"


LAWFUL_BASIS: Final = extension_url("lawful-basis")
PRIORITY: Final = extension_url("priority")
NOTICE: Final = extension_url("notice")
REFERENCE: Final = extension_url("reference")
CONVERSATION: Final = extension_url("conversation")
OCCURRED: Final = extension_url("occurred")
PROTECTED_ADDRESS: Final = extension_url("protected-address")
UNBORN: Final = extension_url("unborn-expected-date")
RELATED_PATIENT: Final = extension_url("related-patient")
STANDING: Final = extension_url("standing")
RESTRICTED_PARTY: Final = extension_url("restricted-party")

DATA_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
BIRTH_TIME: Final = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"

# UK Core has carried this status under two systems and two sets of codes; all four are met in public samples.
VERIFICATION: Final = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
VERIFICATION_SYSTEM: Final = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"
VERIFIED: Final = frozenset({"01", "number-present-and-verified"})

UCUM: Final = "http://unitsofmeasure.org"
SNOMED: Final = "http://snomed.info/sct"
ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ROLE_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"

LABEL: Final = f"{CANONICAL}/CodeSystem/label"
GROUP: Final = f"{CANONICAL}/CodeSystem/group"
ENCOUNTER_CLASS: Final = f"{CANONICAL}/CodeSystem/encounter-class"
PROFESSIONAL_ROLE: Final = f"{CANONICAL}/CodeSystem/professional-role"

HOUSEHOLD_GROUP: Final = "household"
UNRECOGNISED: Final = "unrecognised"
"""Our own label in place of one that nobody knows here."""
NOPAT: Final = "NOPAT"

# PDS marks a sensitive record R (its address and practice are withheld) and an invalidated or sealed one V.
RESTRICTED: Final = "R"
VERY_RESTRICTED: Final = "V"

LABEL_SYSTEMS: Final[dict[str, str]] = {
    NOPAT: ACT_CODE,
    **dict.fromkeys("ULMN", CONFIDENTIALITY),
    RESTRICTED: CONFIDENTIALITY,
    VERY_RESTRICTED: CONFIDENTIALITY,
}
"""Labels that are HL7's; any other is of our own system."""

_V3: Final[dict[RelationshipKind, str]] = {
    RelationshipKind.MOTHER: "MTH NMTH GESTM NMTHF ADOPTM",
    RelationshipKind.FATHER: "FTH NFTH NFTHF ADOPTF",
    RelationshipKind.PARENT: "PRN NPRN ADOPTP",
    RelationshipKind.PARTNER: "SPS HUSB WIFE DOMPART SIGOTHR",
    RelationshipKind.GRANDPARENT: "GRPRN GRMTH GRFTH MGRPRN MGRMTH MGRFTH PGRPRN PGRMTH PGRFTH",
    RelationshipKind.SIBLING: "SIB BRO SIS NSIB NBRO NSIS HSIB HBRO HSIS STPSIB STPBRO STPSIS TWIN TWINBRO TWINSIS",
    RelationshipKind.CARER: "GUARD PRNFOST MTHFOST FTHFOST STPPRN STPMTH STPFTH",
}
RELATIONSHIPS: Final[dict[str, RelationshipKind]] = {
    code: kind for kind, codes in _V3.items() for code in codes.split()
}
"""What codes of v3-RoleCode mean: the related person is the kind of the patient."""

_V3_TURNED: Final[dict[RelationshipKind, str]] = {
    RelationshipKind.PARENT: "CHILD NCHILD SON NSON SONC DAU NDAU DAUC CHLDADOPT DAUADOPT SONADOPT",
    RelationshipKind.GRANDPARENT: "GRNDCHILD GRNDSON GRNDDAU",
    RelationshipKind.CARER: "CHLDFOST DAUFOST SONFOST STPCHLD STPDAU STPSON",
}
RELATIONSHIPS_TURNED: Final[dict[str, RelationshipKind]] = {
    code: kind for kind, codes in _V3_TURNED.items() for code in codes.split()
}
"""Codes that say it from the other side: the patient is the kind of the related person."""

UNITS: Final[dict[tuple[str, str], str]] = {
    ("kg", "g"): "1000",
    ("m", "cm"): "100",
    ("mm", "cm"): "0.1",
    ("%", "{centile}"): "1",
    ("{percentile}", "{centile}"): "1",
}
"""Factors from a unit that is met to the one a fact has."""

DAYS_IN_A_WEEK: Final = 7
