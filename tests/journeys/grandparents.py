"""The home that several tests begin in: a pregnant daughter who lives with her parents, as midwifery has recorded."""

from schemas.codes import Event
from schemas.examples.cast import CHLOE, MARTIN, SUSAN
from schemas.examples.telling import tell, together, when

AT_HOME = tell(
    "grandparents-at-home",
    Event.HOUSEHOLD_UPDATE,
    "swbh-midwifery",
    when(2017, 9, 1),
    subjects=[CHLOE],
    people=[MARTIN, SUSAN],
    household=together(CHLOE, MARTIN, SUSAN),
)
