"""How an example message becomes the bytes of its file."""

import orjson

from schemas.bundle import write
from schemas.message import Message


def rendered(message: Message) -> bytes:
    """Indented JSON with a last line end, as a reader and a diff like it."""
    source = f"https://{message.sender}.example/fhir" if message.sender else "https://agency.example/fhir"
    bundle = write(message, source=source, source_name=message.sender)
    return orjson.dumps(bundle, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
