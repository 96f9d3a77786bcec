"""Every kind of fact a message can yield, with the category that decides who may see it; not which event wants it."""

from typing import Final

from schemas.codes import Category
from schemas.events import authority_values, care_values
from schemas.events.specification import FactSpec, FactType, Values, Whom
from schemas.message import Coding

LOINC: Final = "http://loinc.org"

BOOLEAN, INTEGER, QUANTITY = FactType.BOOLEAN, FactType.INTEGER, FactType.QUANTITY
DATE, DATETIME = FactType.DATE, FactType.DATETIME
CODE, CONCEPT, TEXT, STATEMENT = FactType.CODE, FactType.CONCEPT, FactType.TEXT, FactType.STATEMENT


def _fact(
    code: str,
    category: Category,
    kind: FactType | Values,
    text: str,
    *,
    whom: Whom = Whom.ANY,
    adult: Category | None = None,
    unit: str | None = None,
    between: tuple[float, float] | None = None,
    also: tuple[tuple[str, str], ...] = (),
    cites: str = "",
) -> FactSpec:
    """One row of the table; a value set in place of a type means a code of it."""
    return FactSpec(
        code=code,
        text=text,
        category=category,
        adult_category=adult,
        type=kind if isinstance(kind, FactType) else CODE,
        binding=kind if isinstance(kind, Values) else None,
        whom=whom,
        unit=unit,
        low=between[0] if between else None,
        high=between[1] if between else None,
        also=also,
        cites=cites,
    )


def _pregnancy_and_birth() -> tuple[FactSpec, ...]:
    return (
        _fact("expected-date", Category.EVENT, DATE, "Expected date of birth", whom=Whom.MOTHER,
              also=((LOINC, "11778-8"), (LOINC, "11779-6"), (LOINC, "11781-2"))),
        _fact("number-of-fetuses", Category.EVENT, INTEGER, "Number of babies expected", whom=Whom.MOTHER, between=(1,
              5),
              also=((LOINC, "11878-6"),)),
        _fact("gestation", Category.CARE, QUANTITY, "Completed weeks of pregnancy, at the event or at birth", unit="wk",
              between=(4, 44), also=((LOINC, "11884-4"), (LOINC, "18185-9"))),
        _fact("dating-scan-date", Category.CARE, DATE, "Date of the dating scan, planned or done", whom=Whom.MOTHER),
        _fact("additional-support", Category.CARE, TEXT, "Support beyond the usual that is given or was refused"),
        # Not HEALTH: said as what it means for the baby (7.3.5), so that health visiting is told. A diagnosis is a fact
        # of its own.
        _fact("maternal-mood", Category.RISK, TEXT, "Mother's mood as far as it touches the care of a child",
              whom=Whom.MOTHER),
        _fact("place-of-birth", Category.EVENT, care_values.PLACE_OF_BIRTH, "Where the baby was born", whom=Whom.CHILD),
        # The mother's record too, but a haematoma seen at two weeks is only explained by it (7.2.1, 7.2.2).
        _fact("mode-of-birth", Category.CARE, care_values.MODE_OF_BIRTH, "How the baby was born", whom=Whom.CHILD),
        _fact("neonatal-unit", Category.EVENT, BOOLEAN, "Whether the baby was admitted to a neonatal unit",
              whom=Whom.CHILD),
        _fact("marks-at-birth", Category.CARE, STATEMENT, "Marks and injuries seen at birth, with place and size",
              whom=Whom.CHILD),
        _fact("birth-weight", Category.CARE, QUANTITY, "Weight at birth", whom=Whom.CHILD, unit="g", between=(300,
              6500),
              also=((LOINC, "8339-4"),)),
    )  # fmt: skip


def _growth_and_care() -> tuple[FactSpec, ...]:
    return (
        _fact("weight", Category.CARE, QUANTITY, "Weight", whom=Whom.CHILD, unit="g", between=(300, 150_000),
              also=((LOINC, "29463-7"), (LOINC, "3141-9"))),
        _fact("length", Category.CARE, QUANTITY, "Length or height", whom=Whom.CHILD, unit="cm", between=(20, 210),
              also=((LOINC, "8302-2"), (LOINC, "8306-3"))),
        _fact("head-circumference", Category.CARE, QUANTITY, "Head circumference", whom=Whom.CHILD, unit="cm",
              between=(15, 70), also=((LOINC, "9843-4"),)),
        _fact("centile", Category.CARE, QUANTITY, "Centile of the weight on the chart for the age", whom=Whom.CHILD,
              unit="{centile}", between=(0, 100)),
        _fact("feeding", Category.CARE, care_values.FEEDING, "How the baby is fed", whom=Whom.CHILD),
        _fact("feeding-detail", Category.CARE, TEXT, "What is taken, how often, and difficulties", whom=Whom.CHILD),
        _fact("examination-outcome", Category.CARE, care_values.EXAMINATION_OUTCOME, "Outcome of the examination",
              whom=Whom.CHILD),
        _fact("screening-outcome", Category.CARE, CONCEPT, "Outcome of newborn screening", whom=Whom.CHILD),
        _fact("development", Category.CARE, care_values.DEVELOPMENT, "Development found", whom=Whom.CHILD),
        _fact("independently-mobile", Category.CARE, BOOLEAN, "Whether the child moves about without help", cites="F17",
              whom=Whom.CHILD),
        _fact("sleeping-arrangements", Category.CARE, TEXT, "Where the child sleeps, and whether that was seen",
              whom=Whom.CHILD),
        _fact("safe-sleeping-discussed", Category.CARE, BOOLEAN, "Whether safe sleeping was discussed",
              whom=Whom.CHILD),
        _fact("level-of-service", Category.CARE, care_values.LEVEL_OF_SERVICE, "Level of health visiting service",
              whom=Whom.CHILD),
        _fact("immunisation", Category.CARE, CONCEPT, "Vaccine", whom=Whom.CHILD),
        _fact("not-given-reason", Category.CARE, care_values.NOT_GIVEN_REASON, "Why it was not given", whom=Whom.CHILD),
        _fact("immunisations-up-to-date", Category.CARE, BOOLEAN, "Whether immunisations are up to date",
              whom=Whom.CHILD),
        _fact("care-summary", Category.CARE, TEXT, "What the receiver must know of the child's care so far",
              whom=Whom.CHILD),
        _fact("last-contact", Category.CARE, DATE, "When the child was last seen by the sender", whom=Whom.CHILD),
        _fact("review-date", Category.CARE, DATE, "When the plan is reviewed"),
    )  # fmt: skip


def _contacts_and_appointments() -> tuple[FactSpec, ...]:
    return (
        _fact("setting", Category.CARE, care_values.SETTING, "Where the contact took place"),
        _fact("visit-outcome", Category.CARE, care_values.VISIT_OUTCOME, "Outcome of the visit"),
        # HOUSEHOLD: "who has been seen by whom" is the household view's question (F19), of adults as of children.
        _fact("seen", Category.HOUSEHOLD, BOOLEAN, "Whether the person was seen"),
        _fact("visit-purpose", Category.CARE, TEXT, "What the visit was for"),
        _fact("attempt", Category.CARE, INTEGER, "Which attempt in a row this was", between=(1, 20)),
        _fact("reason-given", Category.CARE, TEXT, "Reason given by the family", adult=Category.HEALTH),
        _fact("rearranged-for", Category.CARE, DATETIME, "New appointment", adult=Category.HEALTH),
        _fact("follow-up-plan", Category.CARE, TEXT, "What happens next and who does it", adult=Category.HEALTH),
        _fact("advised-places", Category.CARE, care_values.ADVISED_PLACE,
              "Where they were advised to attend; one fact each",
              whom=Whom.CHILD),
        _fact("advice-reason", Category.CARE, TEXT, "Why they were advised to attend", whom=Whom.CHILD),
        _fact("attend-by", Category.CARE, DATE, "By when they should have attended", whom=Whom.CHILD),
        _fact("presenting-problem", Category.CARE, CONCEPT, "What the person came with", adult=Category.HEALTH),
        _fact("attendance-outcome", Category.CARE, care_values.ATTENDANCE_OUTCOME, "How the attendance ended",
              adult=Category.HEALTH),
        _fact("accompanied-by", Category.HOUSEHOLD, TEXT, "Who came with the child", whom=Whom.CHILD),
        _fact("ward", Category.CARE, TEXT, "Ward or unit", adult=Category.HEALTH),
        _fact("referral-reason", Category.CARE, TEXT, "What is asked for and why", adult=Category.HEALTH),
        _fact("referral-decision", Category.CARE, care_values.REFERRAL_DECISION, "What became of the referral",
              adult=Category.HEALTH),
        _fact("decision-reason", Category.CARE, TEXT, "Why it was so decided", adult=Category.HEALTH),
        _fact("action-taken", Category.CARE, TEXT, "What the sender has done already", adult=Category.HEALTH),
        _fact("note", Category.CARE, TEXT, "Anything else", adult=Category.HEALTH),
    )  # fmt: skip


def _risk_and_safety() -> tuple[FactSpec, ...]:
    return (
        _fact("risk-to-others-at-home", Category.RISK, STATEMENT,
              "Behaviour that is a risk to others at home, or false when asked and none is known", cites="F5"),
        _fact("staff-safety", Category.STAFF_SAFETY, STATEMENT,
              "What staff who visit must know for their safety, or false", cites="F27"),
        _fact("risk-to-children", Category.RISK, STATEMENT, "Risk to children that the sender sees"),
        _fact("concerns", Category.RISK, STATEMENT, "Concerns the sender holds, or false when there are none",
              cites="F26"),
        # CARE would do for a child's own; RISK, because the same fact also says what an adult at home did.
        _fact("concern-detail", Category.RISK, TEXT, "What was seen, heard or said"),
        _fact("injury-site", Category.RISK, TEXT, "Where the mark is, its size and colour", whom=Whom.CHILD),
        _fact("explanation-given", Category.RISK, TEXT, "How the family explains it, and who said so"),
        _fact("child-said", Category.RISK, TEXT, "What the child said or showed", whom=Whom.CHILD),
        _fact("delay-in-presenting", Category.RISK, STATEMENT, "Delay in seeking help", cites="7.3.1", whom=Whom.CHILD),
        _fact("home-conditions", Category.RISK, TEXT, "Conditions seen at home"),
        _fact("substance-misuse", Category.RISK, STATEMENT, "Misuse of drugs or alcohol, as it touches a child",
              cites="F4"),
        _fact("domestic-abuse", Category.RISK, STATEMENT, "Domestic abuse, current or past"),
        _fact("contact-restriction", Category.RISK, STATEMENT, "Whom the person must not see or live with"),
        # An allegation about a third party. It also keeps agencies out that work only with that person (principle 6).
        _fact("suspected-source-of-harm", Category.RISK, BOOLEAN,
              "Whether the person is suspected of harming the child"),
        # EVENT, so that whoever is told of anything also knows that the family has not been: a slip could harm.
        _fact("family-aware", Category.EVENT, BOOLEAN, "Whether the family knows that this is shared"),
        _fact("unexpected-death", Category.RISK, BOOLEAN, "Whether the death was unexpected"),
    )  # fmt: skip


def _adult_health() -> tuple[FactSpec, ...]:
    return (
        _fact("diagnosis", Category.HEALTH, CONCEPT, "Diagnosis of an adult", whom=Whom.ADULT),
        _fact("legal-status", Category.HEALTH, authority_values.LEGAL_STATUS, "Legal status in hospital",
              whom=Whom.ADULT),
        _fact("carers-assessment-recommended", Category.HEALTH, BOOLEAN, "Whether a carer's assessment is recommended",
              cites="F29",
              whom=Whom.ADULT),
        # RISK, not HEALTH or LOCATION: that he comes home on Friday is what the teams of the children must know (F6);
        # the codes name no address.
        _fact("discharge-destination", Category.RISK, authority_values.DISCHARGE_DESTINATION, "Where the person goes"),
        _fact("expected-home-date", Category.RISK, DATE, "When the person is expected home"),
        _fact("leave-until", Category.RISK, DATETIME, "When leave ends", whom=Whom.ADULT),
    )  # fmt: skip


def _justice() -> tuple[FactSpec, ...]:
    adult = Whom.ADULT
    return (
        _fact("order", Category.OFFENCE, authority_values.ORDER, "Order or licence", whom=adult),
        _fact("order-ends", Category.OFFENCE, DATE, "When the order or licence ends", whom=adult),
        _fact("offence", Category.OFFENCE, CONCEPT, "Offence", whom=adult),
        _fact("requirement", Category.OFFENCE, authority_values.REQUIREMENT, "Requirement; one fact each", whom=adult),
        _fact("outstanding-requirements", Category.OFFENCE, STATEMENT, "What is outstanding", cites="7.1.4",
              whom=adult),
        _fact("engagement", Category.OFFENCE, TEXT, "How the person keeps to the order", whom=adult),
        _fact("registration-type", Category.OFFENCE, authority_values.REGISTRATION_TYPE, "Registration", whom=adult),
        _fact("restricted-registration", Category.RESTRICTED, authority_values.RESTRICTED_REGISTRATION,
              "Registration held for release", cites="principle 7", whom=adult),
        # Facts of their own: `registration-type` says that a registration applies, and would be read so.
        _fact("registration-ended", Category.OFFENCE, authority_values.REGISTRATION_TYPE,
              "Registration that no longer applies", whom=adult),
        _fact("restricted-registration-ended", Category.RESTRICTED, authority_values.RESTRICTED_REGISTRATION,
              "Registration held for release that no longer applies", cites="principle 7", whom=adult),
        _fact("supervision-end-reason", Category.OFFENCE, authority_values.SUPERVISION_END_REASON, "Why it ended",
              whom=adult),
        _fact("enforcement-stage", Category.OFFENCE, authority_values.ENFORCEMENT_STAGE, "Stage of the enforcement",
              whom=adult),
        _fact("recall", Category.RESTRICTED, authority_values.RECALL, "Recall; held while it is open",
              cites="principle 7", whom=adult),
        _fact("planned-arrest", Category.RESTRICTED, BOOLEAN, "Whether an arrest is planned", cites="principle 7",
              whom=adult),
        _fact("custody-type", Category.OFFENCE, authority_values.CUSTODY_TYPE, "Kind of custody", whom=adult),
        _fact("establishment", Category.OFFENCE, TEXT, "Prison or other establishment", whom=adult),
        _fact("release-type", Category.OFFENCE, authority_values.RELEASE_TYPE, "Kind of release", whom=adult),
        _fact("children-in-contact", Category.HOUSEHOLD, STATEMENT,
              "Children and pregnant partners the person lives with or sees, or false when asked and there are none"),
    )  # fmt: skip


def _social_care() -> tuple[FactSpec, ...]:
    child = Whom.CHILD
    return (
        # CARE: the child's, for child-facing functions. A father's probation officer learns of a child and whom to ask.
        _fact("plan-category", Category.CARE, authority_values.PLAN_CATEGORY, "Category of the plan", whom=child),
        _fact("plan-end-reason", Category.CARE, authority_values.PLAN_END_REASON, "Why it ended", whom=child),
        _fact(
            "child-legal-status",
            Category.CARE,
            authority_values.CHILD_LEGAL_STATUS,
            "Legal status of the child",
            whom=child,
        ),
        _fact("placement-type", Category.CARE, authority_values.PLACEMENT_TYPE, "Kind of placement", whom=child),
        _fact("parental-responsibility", Category.HOUSEHOLD, TEXT, "Who has parental responsibility", whom=child),
    )


def _exchange() -> tuple[FactSpec, ...]:
    return (
        _fact("contact-person", Category.CONTACT, TEXT, "Whom to ask: name and role"),
        _fact("contact-phone", Category.CONTACT, TEXT, "How to reach them"),
        # What a pointer says (principle 5): that there is somebody to ask about, and of nobody more.
        _fact("child-in-household", Category.CONTACT, BOOLEAN, "Whether a child lives in the person's household"),
        _fact("pregnancy-in-household", Category.CONTACT, BOOLEAN, "Whether there is a pregnancy in the person's household"),
        _fact("conversation-held", Category.CONTACT, TEXT, "With whom the sender has spoken, and when", cites="F6"),
        # New and old number both identify: who holds the person must re-key. A case number says that there is a case.
        _fact("previous-nhs-number", Category.EVENT, TEXT, "NHS number used before"),
        _fact("previous-case-number", Category.OFFENCE, CONCEPT, "CRN or NOMS number used before"),
        # The sender's own: nobody else knows the person by it, so nobody else is shown it.
        _fact("previous-local-number", Category.CARE, CONCEPT, "Number of the sender's own records used before",
              adult=Category.HEALTH),
        _fact("previous-practice", Category.LOCATION, TEXT, "ODS code of the practice left"),
        # CARE, not EVENT: "order" and "admission" say of an adult what adult-only functions must not learn from this.
        _fact("involvement-evidence", Category.CARE, care_values.EVIDENCE, "On what the involvement rests",
              adult=Category.HEALTH),
        _fact("transfer-reason", Category.EVENT, care_values.TRANSFER_REASON, "Why responsibility is to move"),
        _fact("outstanding-actions", Category.CARE, STATEMENT, "What was agreed and is not done",
              adult=Category.HEALTH),
        # EVENT: who is asked must be able to read the question, whatever their function; it should name no facts.
        _fact("question", Category.EVENT, TEXT, "What is asked"),
        _fact("needed-by", Category.EVENT, DATE, "By when the answer is needed"),
        _fact("nothing-known", Category.EVENT, BOOLEAN, "That the team asked knows nothing of it"),
        _fact("answer", Category.RISK, TEXT, "The answer, so far as no other fact says it"),
        _fact("withdraw-reason", Category.EVENT, care_values.WITHDRAW_REASON, "Why the message is withdrawn"),
    )  # fmt: skip


FACTS: Final[dict[str, FactSpec]] = {
    fact.code: fact
    for family in (
        _pregnancy_and_birth(),
        _growth_and_care(),
        _contacts_and_appointments(),
        _risk_and_safety(),
        _adult_health(),
        _justice(),
        _social_care(),
        _exchange(),
    )
    for fact in family
}
"""Every fact by its code."""

FACT_OF: Final[dict[tuple[str, str], str]] = {foreign: fact.code for fact in FACTS.values() for foreign in fact.also}
"""Our fact code for each code of another system that means the same."""


def coded(fact: str, code: str) -> Coding:
    """The value of a bound fact, e.g. `coded("feeding", "breast")`; KeyError for a code its value set lacks."""
    binding = FACTS[fact].binding
    if binding is None:
        raise KeyError(fact)
    return Coding(system=binding.system, code=code, display=binding.codes[code])


COMMON: Final[tuple[str, ...]] = (
    "staff-safety",
    "risk-to-others-at-home",
    "risk-to-children",
    "substance-misuse",
    "domestic-abuse",
    "contact-restriction",
    "suspected-source-of-harm",
    "family-aware",
    "seen",
    "contact-person",
    "contact-phone",
    "conversation-held",
    "note",
)
"""What any message may say besides, because it matters whatever happened; events that are exhaustive excepted."""
