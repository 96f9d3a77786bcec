"""Value sets of mental health law, justice and social care that facts and kinds are bound to."""

from typing import Final

from schemas.events.specification import Values

LEAVE_KIND: Final = Values(
    id="leave-kind",
    title="What is reported of leave from hospital",
    codes={
        "leave": "Leave has been given",
        "returned": "Returned from leave",
        "absent": "Absent without leave, or missing",
    },
)
LEGAL_STATUS: Final = Values(
    id="legal-status",
    title="Legal status under the Mental Health Act 1983",
    codes={
        "informal": "Informal",
        "section-2": "Section 2, assessment",
        "section-3": "Section 3, treatment",
        "section-4": "Section 4, emergency",
        "section-5": "Section 5, holding power",
        "section-17a": "Section 17A, community treatment order",
        "section-37": "Section 37, hospital order",
        "section-47": "Section 47, transfer from prison",
        "section-136": "Section 136, place of safety",
        "revoked": "Section or order revoked or expired",
    },
)
DISCHARGE_DESTINATION: Final = Values(
    id="discharge-destination",
    title="Where somebody goes after discharge, leave or release",
    codes={
        "usual-home": "Usual home",
        "family": "With family or friends elsewhere",
        # A refuge has no code of its own: the word would tell where.
        "supported": "Supported, approved or safe accommodation",
        "hospital": "Another hospital",
        "care": "Foster or residential care",
        "custody": "Custody",
        "no-fixed-abode": "No fixed abode",
        "not-known": "Not known",
    },
)
ORDER: Final = Values(
    id="order",
    title="Order or licence under which somebody is supervised",
    codes={
        "community-order": "Community order",
        "suspended-sentence-order": "Suspended sentence order",
        "licence": "Licence",
        "post-sentence-supervision": "Post-sentence supervision",
        "life-licence": "Life licence",
        "youth-rehabilitation-order": "Youth rehabilitation order",
        "referral-order": "Referral order",
        "detention-and-training-order": "Detention and training order",
        "bail": "Bail with conditions",
        "other": "Another order",
    },
)
REQUIREMENT: Final = Values(
    id="requirement",
    title="Requirement of an order",
    codes={
        "drug-rehabilitation": "Drug rehabilitation",
        "alcohol-treatment": "Alcohol treatment or abstinence",
        "mental-health-treatment": "Mental health treatment",
        "unpaid-work": "Unpaid work",
        "rehabilitation-activity": "Rehabilitation activity",
        "programme": "Accredited programme",
        "curfew": "Curfew",
        "residence": "Residence",
        "exclusion": "Exclusion",
        "prohibited-activity": "Prohibited activity",
        "other": "Another requirement",
    },
)
SUPERVISION_CHANGE: Final = Values(
    id="supervision-change-kind",
    title="What changed in a supervision",
    codes={
        "manager": "Who manages the case",
        "area": "Area or provider",
        "order": "Order or requirement",
        "registration": "Registration",
        "circumstances": "Circumstances at home",
    },
)
REGISTRATION_TYPE: Final = Values(
    id="registration-type",
    title="Registration held by probation",
    codes={
        "child-concerns": "Child concerns",
        "child-protection": "Child protection",
        "risk-to-children": "Risk to children",
        "barred-from-children": "Barred from working with children",
        "mental-health": "Mental health issues",
        "risk-to-adult": "Risk to an adult at risk",
        "other": "Another registration",
    },
)
RESTRICTED_REGISTRATION: Final = Values(
    id="restricted-registration",
    title="Registration that is held for release",
    codes={
        "mappa": "MAPPA",
        "marac": "MARAC",
        "domestic-abuse-perpetrator": "Domestic abuse, perpetrator",
        "domestic-abuse-victim": "Domestic abuse, victim",
        "exploitation-perpetrator": "Child exploitation, perpetrator",
        "other": "Another restricted registration",
    },
)
SUPERVISION_END_REASON: Final = Values(
    id="supervision-end-reason",
    title="Why a supervision ended",
    codes={
        "completed": "Completed",
        "expired": "Expired with requirements outstanding",
        "revoked": "Revoked",
        "breached": "Ended by breach or recall",
        "transferred": "Transferred",
        "died": "Died",
    },
)
ENFORCEMENT_STAGE: Final = Values(
    id="enforcement-stage",
    title="Stage of an enforcement",
    codes={
        "warning": "Warned",
        "breach": "Breach proceedings begun",
        "concluded": "Breach proceedings concluded",
        "withdrawn": "Withdrawn",
    },
)
RECALL: Final = Values(
    id="recall", title="Recall to custody", codes={"raised": "Raised", "concluded": "Concluded", "refused": "Refused"}
)
CUSTODY_TYPE: Final = Values(
    id="custody-type",
    title="Kind of custody",
    codes={"remand": "Remand", "sentence": "Sentence", "recall": "Recall", "youth-detention": "Youth detention"},
)
RELEASE_TYPE: Final = Values(
    id="release-type",
    title="Kind of release",
    codes={
        "licence": "On licence",
        "home-detention-curfew": "Home detention curfew",
        "temporary": "Temporary licence",
        "bail": "Bail",
        "unconditional": "Sentence ended, or acquitted",
    },
)
PLAN_CATEGORY: Final = Values(
    id="plan-category",
    title="Category of a child protection plan",
    codes={
        "neglect": "Neglect",
        "physical": "Physical abuse",
        "emotional": "Emotional abuse",
        "sexual": "Sexual abuse",
        "multiple": "Multiple",
    },
)
PLAN_END_REASON: Final = Values(
    id="plan-end-reason",
    title="Why a plan or a period of care ended",
    codes={
        "no-longer-needed": "No longer needed",
        "child-in-need": "Continues as child in need",
        "looked-after": "Child became looked after",
        "returned-home": "Child returned home",
        "moved": "Child moved to another authority",
        "aged-18": "Young person is 18",
        "died": "Child died",
    },
)
CHILD_LEGAL_STATUS: Final = Values(
    id="child-legal-status",
    title="Legal status of a looked-after child",
    codes={
        "accommodated": "Accommodated, Children Act 1989 section 20",
        "interim-care-order": "Interim care order",
        "care-order": "Care order",
        "placement-order": "Placement order",
        "emergency-protection": "Emergency protection order",
        "police-protection": "Police protection",
        "remand": "Remand",
    },
)
PLACEMENT_TYPE: Final = Values(
    id="placement-type",
    title="Kind of placement",
    codes={
        "foster": "Foster care",
        "kinship": "Connected person",
        "parents": "With parents",
        "residential": "Residential home",
        "secure": "Secure unit",
        "mother-and-baby": "Parent and child placement",
        "hospital": "Hospital",
        "other": "Elsewhere",
    },
)
FOSTERING_KIND: Final = Values(
    id="private-fostering-kind",
    title="Stage of a private fostering arrangement",
    codes={"proposed": "Proposed", "started": "Started", "ended": "Ended"},
)
