"""Value sets of care and exchange that facts and kinds are bound to; enums of the broker are in `schemas.codes`."""

from typing import Final

from schemas.events.specification import Values

PLACE_OF_BIRTH: Final = Values(
    id="place-of-birth",
    title="Place of birth",
    codes={
        "hospital": "Obstetric unit",
        "midwife-led-unit": "Midwife-led unit",
        "home": "At home, as planned",
        "born-before-arrival": "Before arrival of professional care",
        "other": "Elsewhere",
    },
)
MODE_OF_BIRTH: Final = Values(
    id="mode-of-birth",
    title="Mode of birth",
    codes={
        "spontaneous": "Spontaneous vaginal birth",
        "ventouse": "Assisted by ventouse",
        "forceps": "Assisted by forceps",
        "breech": "Vaginal breech birth",
        "planned-caesarean": "Planned caesarean section",
        "emergency-caesarean": "Emergency caesarean section",
    },
)
FEEDING: Final = Values(
    id="feeding",
    title="How a baby is fed",
    codes={"breast": "Breast milk", "formula": "Formula", "mixed": "Breast milk and formula", "tube": "By tube"},
)
EXAMINATION_OUTCOME: Final = Values(
    id="examination-outcome",
    title="Outcome of an examination",
    codes={
        "satisfactory": "Satisfactory",
        "follow-up": "To be seen again",
        "referred": "Referred",
        "incomplete": "Not completed",
    },
)
DEVELOPMENT: Final = Values(
    id="development",
    title="Development found",
    codes={
        "as-expected": "As expected for the age",
        "monitor": "To be monitored",
        "below-expected": "Below what is expected",
    },
)
VISIT_OUTCOME: Final = Values(
    id="visit-outcome",
    title="Outcome of a visit or appointment",
    codes={"completed": "Completed", "partly-completed": "Partly completed", "not-completed": "Not completed"},
)
SETTING: Final = Values(
    id="setting",
    title="Where a contact took place",
    codes={
        "home": "At home",
        "clinic": "Clinic or children's centre",
        "practice": "General practice",
        "ward": "Ward",
        "other": "Elsewhere",
        "remote": "By telephone or video: nobody was seen in the room",
    },
)
LEVEL_OF_SERVICE: Final = Values(
    id="level-of-service",
    title="Level of health visiting service",
    codes={
        "universal": "Universal",
        "universal-plus": "Universal Plus (targeted)",
        "universal-partnership-plus": "Universal Partnership Plus (specialist)",
    },
)
NOT_GIVEN_REASON: Final = Values(
    id="not-given-reason",
    title="Why an immunisation was not given",
    codes={
        "declined": "Declined by who has parental responsibility",
        "not-brought": "Child was not brought",
        "unwell": "Child was unwell",
        "contraindicated": "Contraindicated",
        "other": "Another reason",
    },
)
APPOINTMENT_KIND: Final = Values(
    id="appointment-kind",
    title="Kind of appointment",
    codes={
        "clinic": "Baby or child health clinic",
        "development-review": "Review of the Healthy Child Programme",
        "immunisation": "Immunisation",
        "general-practice": "General practice",
        "paediatrics": "Paediatrics",
        "hospital": "Other hospital appointment",
        "screening": "Newborn screening",
        "therapy": "Therapy, audiology or dietetics",
        "dental": "Dental",
        "antenatal": "Antenatal appointment",
        "scan": "Antenatal scan",
        "postnatal": "Postnatal appointment",
        "mental-health": "Mental health",
        "substance-misuse": "Substance misuse service",
        "probation": "Probation",
        "other": "Another appointment",
    },
)
ADVISED_PLACE: Final = Values(
    id="advised-place",
    title="Where somebody was advised to attend",
    codes={
        "general-practice": "General practice",
        "urgent-treatment-centre": "Urgent treatment or walk-in centre",
        "emergency-department": "Emergency department",
        "paediatric-assessment": "Paediatric assessment unit",
        "midwifery": "Midwife",
        "health-visiting": "Health visitor or clinic",
        "pharmacy": "Pharmacy",
        "other": "Elsewhere",
    },
)
ATTENDANCE_OUTCOME: Final = Values(
    id="attendance-outcome",
    title="How an emergency attendance ended",
    codes={
        "discharged": "Discharged",
        "follow-up": "Discharged with follow-up",
        "admitted": "Admitted",
        "transferred": "Transferred to another hospital",
        "left-before-seen": "Left before being seen",
        "died": "Died",
    },
)
REFERRAL_DECISION: Final = Values(
    id="referral-decision",
    title="What became of a referral",
    codes={
        "accepted": "Accepted",
        "assessment": "An assessment has begun",
        "early-help": "Early help offered",
        "signposted": "Advice given, referred elsewhere",
        "no-further-action": "No further action",
        "not-accepted": "Not accepted",
        "completed": "What was asked for is done",
    },
)
REGISTRATION_KIND: Final = Values(
    id="practice-registration",
    title="What is reported of a registration with general practice",
    codes={"registered": "Registered", "removed": "Removed from the list"},
)
IDENTIFIER_CHANGE_KIND: Final = Values(
    id="identifier-change-kind",
    title="How an identifier changed",
    codes={
        "replaced": "One identifier takes the place of another",
        "merge": "Two records were of one person",
        "unmerge": "One record was of two persons",
        "resolved": "Who a number belongs to has become known",
        "sealed": "The record is sealed: nothing may link old and new",
    },
)
DEATH_KIND: Final = Values(
    id="death-notification",
    title="Standing of a notification of death",
    codes={"informal": "Informal, not yet registered", "formal": "Registered", "removal": "Notified in error"},
)
EVIDENCE: Final = Values(
    id="involvement-evidence",
    title="On what a team's involvement rests",
    codes={
        "contact": "Planned contacts",
        "registration": "Registration",
        "admission": "Admission",
        "order": "Order",
        "caseload": "Caseload",
        "referral": "Accepted referral",
    },
)
TRANSFER_REASON: Final = Values(
    id="transfer-reason",
    title="Why responsibility is to move",
    codes={
        "moved": "Moved to another area",
        "discharge": "Discharged from the service",
        "age": "Age",
        "service-change": "Change of service",
        "other": "Another reason",
    },
)
WITHDRAW_REASON: Final = Values(
    id="withdraw-reason",
    title="Why a message is withdrawn",
    codes={
        "wrong-person": "About the wrong person",
        "wrong-recipient": "Sent to the wrong team",
        "untrue": "What it says is not so",
        "duplicate": "Sent twice",
    },
)
