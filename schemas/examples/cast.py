"""The invented people of the examples, and small words to tell about them; nobody here exists."""

from dataclasses import replace
from datetime import date
from typing import Final
from uuid import UUID, uuid5

from schemas.identifiers import CRN, NHS_NUMBER, local_system, synthetic_nhs_number
from schemas.message import Identifier, Person, PostalAddress

_EXAMPLES: Final = UUID("6f2d6a5e-9f0b-5d0c-8a4e-3c1f5b7d9e21")

HARBORNE: Final = "Y90001"
SANDWELL: Final = "Y90002"


def fixed_id(name: str) -> str:
    """A UUID that never changes for a name."""
    return str(uuid5(_EXAMPLES, name))


def nhs_number(n: int) -> Identifier:
    """A verified number of the range that is never issued."""
    return Identifier(system=NHS_NUMBER, value=synthetic_nhs_number(n), verified=True)


def crn(value: str) -> Identifier:
    """A probation case reference number."""
    return Identifier(system=CRN, value=value)


def local(agency: str, value: str) -> Identifier:
    """A number of an agency's own."""
    return Identifier(system=local_system(agency), value=value)


def living(person: Person, *addresses: PostalAddress) -> Person:
    """The person at these addresses."""
    return replace(person, addresses=addresses)


GRANDPARENTS_HOME: Final = PostalAddress(lines=("14 Clent View Road", "Birmingham"), postcode="B17 0HG")
FLAT: Final = PostalAddress(
    lines=("Flat 2, 8 Beeches Court", "West Bromwich"), postcode="B70 9AB", since=date(2019, 2, 25)
)
LONDON: Final = PostalAddress(lines=("Flat 3, 22 Lea Row", "London"), postcode="E10 7EB")
MORTON_HOME: Final = PostalAddress(lines=("51 Galton Street", "Smethwick"), postcode="B66 4QT")
BEGUM_HOME: Final = PostalAddress(lines=("7 Lightwoods Terrace", "Birmingham"), postcode="B17 8PS")

# --- the family of most examples: a young couple, their two children, and her parents

CHLOE: Final = Person(
    key=fixed_id("Chloe"),
    identifiers=(nhs_number(1),),
    family="Hartley",
    given=("Chloe", "Louise"),
    birth_date=date(1999, 6, 12),
    gender="female",
    addresses=(GRANDPARENTS_HOME,),
    practice=HARBORNE,
)
DANIEL: Final = Person(
    key=fixed_id("Daniel"),
    identifiers=(crn("X320741"),),
    family="Osei",
    given=("Daniel",),
    birth_date=date(1997, 9, 3),
    gender="male",
    addresses=(LONDON,),
)
SUSAN: Final = Person(
    key=fixed_id("Susan"),
    identifiers=(nhs_number(2),),
    family="Hartley",
    given=("Susan",),
    birth_date=date(1971, 2, 20),
    gender="female",
    addresses=(GRANDPARENTS_HOME,),
    practice=HARBORNE,
)
MARTIN: Final = Person(
    key=fixed_id("Martin"),
    identifiers=(nhs_number(3), local("bsmhft", "M0048213")),
    family="Hartley",
    given=("Martin", "John"),
    birth_date=date(1968, 11, 2),
    gender="male",
    addresses=(GRANDPARENTS_HOME,),
    practice=HARBORNE,
)
AVA: Final = Person(
    key=fixed_id("Ava"),
    identifiers=(nhs_number(4),),
    family="Hartley",
    given=("Ava", "Rose"),
    birth_date=date(2018, 2, 14),
    gender="female",
    addresses=(GRANDPARENTS_HOME,),
)
NOAH: Final = Person(
    key=fixed_id("Noah"),
    identifiers=(nhs_number(5),),
    family="Hartley",
    given=("Noah",),
    birth_date=date(2019, 2, 20),
    gender="male",
    addresses=(GRANDPARENTS_HOME,),
)
UNBORN_AVA: Final = Person(key=fixed_id("Ava unborn"), unborn=True, expected=date(2018, 2, 12))
UNBORN_NOAH: Final = Person(key=fixed_id("Noah unborn"), unborn=True, expected=date(2019, 2, 24))

# --- a mother with twins

NASREEN: Final = Person(
    key=fixed_id("Nasreen"),
    identifiers=(nhs_number(11),),
    family="Begum",
    given=("Nasreen",),
    birth_date=date(1991, 3, 27),
    gender="female",
    addresses=(BEGUM_HOME,),
    practice=HARBORNE,
)
ZAYN: Final = Person(
    key=fixed_id("Zayn"),
    identifiers=(nhs_number(12),),
    family="Begum",
    given=("Zayn",),
    birth_date=date(2019, 5, 6),
    birth_order=1,
    gender="male",
    addresses=(BEGUM_HOME,),
)
AISHA: Final = Person(
    key=fixed_id("Aisha"),
    identifiers=(nhs_number(13),),
    family="Begum",
    given=("Aisha",),
    birth_date=date(2019, 5, 6),
    birth_order=2,
    gender="female",
    addresses=(BEGUM_HOME,),
)

# --- a family known to children's social care and to probation

KAYLA: Final = Person(
    key=fixed_id("Kayla"),
    identifiers=(nhs_number(21),),
    family="Morton",
    given=("Kayla", "Ann"),
    birth_date=date(1996, 1, 9),
    gender="female",
    addresses=(MORTON_HOME,),
    practice=SANDWELL,
)
TYLER: Final = Person(
    key=fixed_id("Tyler"),
    identifiers=(nhs_number(22),),
    family="Morton",
    given=("Tyler",),
    birth_date=date(2015, 3, 3),
    gender="male",
    addresses=(MORTON_HOME,),
    practice=SANDWELL,
)
LACEY: Final = Person(
    key=fixed_id("Lacey"),
    identifiers=(nhs_number(23),),
    family="Morton",
    given=("Lacey", "Mae"),
    birth_date=date(2017, 8, 19),
    gender="female",
    addresses=(MORTON_HOME,),
    practice=SANDWELL,
)
RYAN: Final = Person(
    key=fixed_id("Ryan"),
    identifiers=(crn("X417093"),),
    family="Cole",
    given=("Ryan",),
    birth_date=date(1993, 7, 30),
    gender="male",
    addresses=(MORTON_HOME,),
)
BRIAN: Final = Person(
    key=fixed_id("Brian"),
    identifiers=(nhs_number(24),),
    family="Morton",
    given=("Brian",),
    birth_date=date(1949, 10, 4),
    gender="male",
    addresses=(MORTON_HOME,),
    practice=SANDWELL,
)

# --- a pregnancy that ended

GEMMA: Final = Person(
    key=fixed_id("Gemma"),
    identifiers=(nhs_number(31),),
    family="Walsh",
    given=("Gemma",),
    birth_date=date(1992, 12, 1),
    gender="female",
    addresses=(PostalAddress(lines=("3 Tollgate Mews", "Birmingham"), postcode="B17 9LA"),),
    practice=HARBORNE,
)
