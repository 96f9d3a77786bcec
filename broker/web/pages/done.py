"""What a page says of the step that led to it, by the word in its address."""

from typing import Final

DONE: Final = {
    "accept": "Your acknowledgement was sent.",
    "decline": "Your answer was sent: declined.",
    "ask": "Your question was sent. The task stays yours.",
    "answer": "Your answer was sent.",
    "extend": "There is a later date now.",
    "complete": "It is closed.",
    "reassign": "It was handed on.",
    "caretake": "You look after this person until the review. The sender stays responsible.",
    "exclude": "What you say about leaving this person out was sent.",
    "cancel": "It was taken back.",
    "note": "Your note was added.",
    "sent": "Your answers were sent. What is still open stands below.",
    "told": "It was sent. Below you see each team that was told and must answer, as far as you may know of it.",
    "withdrawn": "It was taken back. Every team that was told is told so.",
    "account": "It is written down. Whoever was signed in by it signs in again.",
    "account-ended": "The account has ended. Whoever was signed in by it is so no longer.",
    "agency": "The agency is in the directory as you wrote it.",
    "team": "The team is in the directory as you wrote it. It holds from the next message on.",
    "area": "The area is in the directory as you wrote it. It holds from the next message on.",
    "away": "Your absence is written down.",
    "back": "You are there again.",
    "same": "This was sent before. Nothing was sent twice.",
}
