"""Value sets of the published language, each with its system address; no behaviour beyond naming lives here."""

from enum import StrEnum

CANONICAL = "https://fhir.baton.example"


class Event(StrEnum):
    """What a message reports (`MessageHeader.eventCoding`)."""

    PREGNANCY_BOOKING = "pregnancy-booking"
    PREGNANCY_NOTIFICATION = "pregnancy-notification"
    PREGNANCY_END = "pregnancy-end"
    BIRTH = "birth"
    MATERNITY_DISCHARGE = "maternity-discharge"
    CHILD_CONTACT = "child-contact"
    SIX_TO_EIGHT_WEEK_EXAMINATION = "6-8-week-examination"
    IMMUNISATION = "immunisation"
    MEASUREMENT = "measurement"
    NOT_BROUGHT = "not-brought"
    NO_ACCESS = "no-access"
    DID_NOT_ATTEND = "did-not-attend"
    CONCERN = "concern"
    ADVICE_TO_ATTEND = "advice-to-attend"
    EMERGENCY_ATTENDANCE = "emergency-attendance"
    CHILD_ADMISSION = "child-admission"
    CHILD_DISCHARGE = "child-discharge"
    REFERRAL = "referral"
    REFERRAL_OUTCOME = "referral-outcome"
    GP_REGISTRATION = "gp-registration"
    CHANGE_OF_ADDRESS = "change-of-address"
    IDENTIFIER_CHANGE = "identifier-change"
    DEATH = "death"
    MENTAL_HEALTH_ADMISSION = "mental-health-admission"
    MENTAL_HEALTH_LEAVE = "mental-health-leave"
    MENTAL_HEALTH_DISCHARGE = "mental-health-discharge"
    SUPERVISION_START = "supervision-start"
    SUPERVISION_CHANGE = "supervision-change"
    SUPERVISION_END = "supervision-end"
    ENFORCEMENT = "enforcement"
    CUSTODY_START = "custody-start"
    CUSTODY_RELEASE = "custody-release"
    PROTECTION_PLAN_START = "protection-plan-start"
    PROTECTION_PLAN_END = "protection-plan-end"
    LOOKED_AFTER_START = "looked-after-start"
    LOOKED_AFTER_MOVE = "looked-after-move"
    LOOKED_AFTER_END = "looked-after-end"
    PRIVATE_FOSTERING = "private-fostering"
    INVOLVEMENT_START = "involvement-start"
    INVOLVEMENT_END = "involvement-end"
    HOUSEHOLD_UPDATE = "household-update"
    TRANSFER = "transfer"
    INFORMATION_REQUEST = "information-request"
    INFORMATION = "information"
    WITHDRAW = "withdraw"


class ContactKind(StrEnum):
    """Kinds of `child-contact` (Healthy Child Programme contacts)."""

    ANTENATAL = "antenatal"
    NEW_BIRTH = "new-birth"
    SIX_TO_EIGHT_WEEK = "6-8-week"
    NINE_TO_TWELVE_MONTH = "9-12-month"
    TWO_YEAR = "2-year"
    NEW_TO_AREA = "new-to-area"
    CLINIC = "clinic"
    OTHER = "other"


class ConcernKind(StrEnum):
    """Kinds of `concern`."""

    GROWTH = "growth"
    INJURY = "injury"
    BRUISING = "bruising"
    NEGLECT = "neglect"
    SAFE_SLEEPING = "safe-sleeping"
    HOME_CONDITIONS = "home-conditions"
    DOMESTIC_ABUSE = "domestic-abuse"
    SUBSTANCE_MISUSE = "substance-misuse"
    ADULT_MENTAL_HEALTH = "adult-mental-health"
    PARENTAL_MENTAL_HEALTH = "parental-mental-health"
    ISOLATION = "isolation"
    OTHER = "other"


class TaskCode(StrEnum):
    """What a team must do."""

    ACKNOWLEDGE = "acknowledge"
    TRANSFER = "transfer"
    CONFIRM_CHILD = "confirm-child"
    SUPPLY_INFORMATION = "supply-information"
    AGREED_ACTION = "agreed-action"
    EXPECTED_EVENT = "expected-event"
    DISCUSS_WITH_SAFEGUARDING_LEAD = "discuss-with-safeguarding-lead"
    PATTERN_REVIEW = "pattern-review"
    CONFIRM_HOUSEHOLD = "confirm-household"
    CONFIRM_INVOLVEMENT = "confirm-involvement"
    RELEASE = "release"
    RESOLVE_ADDRESS = "resolve-address"
    RESOLVE_IDENTITY = "resolve-identity"
    UNDELIVERABLE = "undeliverable"
    DATA_QUALITY = "data-quality"


class Function(StrEnum):
    """What a team does for people."""

    MIDWIFERY = "midwifery"
    HEALTH_VISITING = "health-visiting"
    FAMILY_NURSE_PARTNERSHIP = "family-nurse-partnership"
    SCHOOL_NURSING = "school-nursing"
    NEONATAL = "neonatal"
    PAEDIATRICS = "paediatrics"
    EMERGENCY_DEPARTMENT = "emergency-department"
    GENERAL_PRACTICE = "general-practice"
    CHILD_HEALTH_INFORMATION = "child-health-information"
    MENTAL_HEALTH = "mental-health"
    SUBSTANCE_MISUSE = "substance-misuse"
    PROBATION = "probation"
    YOUTH_JUSTICE = "youth-justice"
    PRISON = "prison"
    POLICE = "police"
    CHILDRENS_SOCIAL_CARE = "childrens-social-care"
    EMERGENCY_DUTY_TEAM = "emergency-duty-team"
    MASH = "mash"
    EARLY_HELP = "early-help"
    HOUSING = "housing"
    DOMESTIC_ABUSE = "domestic-abuse"
    SAFEGUARDING_LEAD = "safeguarding-lead"
    PARTNERSHIP = "partnership"


class ResponseReason(StrEnum):
    """Coded reasons of an answer: NHS ITK3 business response codes where one fits."""

    KNOWN_HERE = "30001"
    NOT_KNOWN = "30002"
    NO_LONGER_HERE = "30003"
    DECEASED = "30004"
    UNABLE_TO_CONTACT = "30012"
    NOT_NEEDED = "30013"
    NOT_ACCEPTED = "30014"
    DUPLICATE = "30015"
    ACCEPTED = "30016"
    REJECTED = "30017"
    DID_NOT_ATTEND = "30018"


class TaskStatus(StrEnum):
    """FHIR R4 Task.status, the members Baton uses."""

    REQUESTED = "requested"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    IN_PROGRESS = "in-progress"
    ON_HOLD = "on-hold"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    ENTERED_IN_ERROR = "entered-in-error"


class Priority(StrEnum):
    """FHIR request-priority."""

    ROUTINE = "routine"
    URGENT = "urgent"
    ASAP = "asap"
    STAT = "stat"


class RelationshipKind(StrEnum):
    """What one person is to another: `person` is the KIND of `to`."""

    MOTHER = "mother"
    FATHER = "father"
    PARENT = "parent"
    PARTNER = "partner"
    GRANDPARENT = "grandparent"
    SIBLING = "sibling"
    CARER = "carer"
    OTHER = "other"


class Standing(StrEnum):
    """How a person stands to a household."""

    LIVES = "lives"
    SHARED_CARE = "shared-care"
    WILL_LIVE = "will-live"
    LEFT = "left"


class Category(StrEnum):
    """What kind of fact a fact is, which decides who may see it (docs/sharing.md)."""

    EVENT = "event"  # what happened, when, which kind
    CARE = "care"  # details of a child's or pregnancy's care: weights, feeding, examination
    RISK = "risk"  # relevant to the safety of a child at home
    STAFF_SAFETY = "staff-safety"  # safety of staff who visit
    HEALTH = "health"  # an adult's own health record
    OFFENCE = "offence"  # an adult's offences and orders
    LOCATION = "location"  # address, practice, area
    HOUSEHOLD = "household"  # who lives there
    CONTACT = "contact"  # whom to ask
    RESTRICTED = "restricted"  # held for release (MAPPA, MARAC, victims, planned arrest)


class LawfulBasis(StrEnum):
    """Why the sender may share; docs/sharing.md says when each applies."""

    CHILDREN_ACT_2004_S16LA = "children-act-2004-s16la"
    CHILDREN_ACT_2004_S11 = "children-act-2004-s11"
    CHILDREN_ACT_1989_S47 = "children-act-1989-s47"
    CHILDREN_ACT_1989_S17 = "children-act-1989-s17"
    DIRECT_CARE = "direct-care"
    VITAL_INTERESTS = "vital-interests"
    CONSENT = "consent"
    CRIME_AND_DISORDER_ACT_1998_S115 = "crime-and-disorder-act-1998-s115"
    COURT_ORDER = "court-order"


SYSTEMS: dict[type[StrEnum], str] = {
    Event: f"{CANONICAL}/CodeSystem/message-event",
    ContactKind: f"{CANONICAL}/CodeSystem/contact-kind",
    ConcernKind: f"{CANONICAL}/CodeSystem/concern-kind",
    TaskCode: f"{CANONICAL}/CodeSystem/task-code",
    Function: f"{CANONICAL}/CodeSystem/function",
    ResponseReason: "https://fhir.nhs.uk/STU3/CodeSystem/ITK-ResponseCode-1",
    TaskStatus: "http://hl7.org/fhir/task-status",
    Priority: "http://hl7.org/fhir/request-priority",
    RelationshipKind: f"{CANONICAL}/CodeSystem/relationship",
    Standing: f"{CANONICAL}/CodeSystem/standing",
    Category: f"{CANONICAL}/CodeSystem/fact-category",
    LawfulBasis: f"{CANONICAL}/CodeSystem/lawful-basis",
}
"""The system address of each value set."""

FACT_SYSTEM = f"{CANONICAL}/CodeSystem/fact"
BUSINESS_STATUS_SYSTEM = f"{CANONICAL}/CodeSystem/business-status"
