"""Writes the example files anew from the messages they say: `python -m schemas.examples`."""

from schemas.examples import FOLDER
from schemas.examples.rendering import rendered
from schemas.examples.story import MESSAGES

if __name__ == "__main__":
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for name, message in MESSAGES.items():
        (FOLDER / f"{name}.json").write_bytes(rendered(message))
