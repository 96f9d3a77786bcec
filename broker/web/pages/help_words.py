"""What each state of a task means, in plain words: the help page and the words beside a task say the same."""

from typing import Final

STATES: Final[tuple[tuple[str, str], ...]] = (
    ("Sent", "Baton has the message and is handing it to the team. Nobody of the team need know of it yet."),
    ("Delivered", "The team’s computer system says that it has it. It does not mean that anybody has read it."),
    ("Opened", "Somebody of the team has looked at it. It does not mean that anybody does anything about it."),
    (
        "Acknowledged",
        "A professional of the team has said what it means for their work, or what they will do, by when.",
    ),
    ("Question asked", "The team has asked the sender something and waits for the answer. It still has to answer."),
    ("Extended", "The team has a later date, and has said why."),
    ("Actions open", "It was acknowledged. Some of what the team agreed to do is not done yet."),
    ("Declined", "A professional has said no, with a reason. Whoever sent it has to look at it again."),
    ("Overdue", "The date has passed and no professional has answered. Others are told, step by step."),
    ("Raised to others", "It is overdue, and the team’s lead or the safeguarding lead was told."),
    ("Nothing supplied", "A transfer says nothing about this child. Ask the sender before you take the child on."),
    ("Looked after until a review", "The team helps out until a date. The sender stays responsible."),
    ("Left out", "Both sides agree that this child is not part of the transfer, and why."),
    ("Withdrawn", "The sender took it back. There is nothing left to answer."),
)
