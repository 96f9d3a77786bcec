"""HL7 v2.3 to 2.8 as trusts, practices and their integration engines send it, for every adapter that meets it; which events matter is theirs to say.

`parse` bytes into a `V2Message`, ask `adapters.hl7v2.people` whom it names, answer with `acknowledgement`.

**The same message again** is told by `V2Message.key` and `V2Message.content_key`, which say of what they are made.
"""

from adapters.hl7v2.answers import AckCode, acknowledgement, answer_code
from adapters.hl7v2.framing import begins_as_v2
from adapters.hl7v2.structure import TRAINING, V2Message, parse

__all__ = ["TRAINING", "AckCode", "V2Message", "acknowledgement", "answer_code", "begins_as_v2", "parse"]
