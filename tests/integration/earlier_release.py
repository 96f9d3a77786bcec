"""Run by the code of an earlier release, in its own folder, on a database of today's schema: a birth comes in, is read and is answered."""

import json
import sys
from pathlib import Path

import broker
from tests.contract.calling import MIDWIVES, VISITORS, message, opened

FHIR = {"Content-Type": "application/fhir+json"}
ANSWER = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "practitioner",
            "part": [
                {"name": "name", "valueString": "Joanne Pike"},
                {"name": "role", "valueCode": "health-visitor"},
            ],
        },
        {"name": "meaning", "valueString": "We will see them at home."},
    ],
}


def main(url: str) -> dict[str, object]:
    """What it saw, for the test that started it."""
    assert Path.cwd() in Path(broker.__file__).parents, "this is not the earlier code"
    with opened(url) as running:
        sent = running.post(message())
        inbox = running.call("GET", "/mailbox/inbox?after=0", VISITORS).json()["messages"]
        read = running.call("GET", f"/mailbox/inbox/{inbox[0]['id']}", VISITORS)
        taken = running.call("PUT", f"/mailbox/inbox/{inbox[0]['id']}/acknowledged", VISITORS)
        found = running.call("GET", f"/fhir/Task?owner={VISITORS}&code=acknowledge", VISITORS).json()["entry"]
        task = found[0]["resource"]["id"]
        answered = running.call(
            "POST", f"/fhir/Task/{task}/$accept", VISITORS, content=json.dumps(ANSWER).encode(), headers=FHIR
        )
        return {
            "statuses": [sent.status_code, read.status_code, taken.status_code, answered.status_code],
            "inbox": [one["id"] for one in inbox],
            "task": answered.json(),
            "sender": MIDWIVES,
        }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))  # noqa: T201 - read by the test
