"""How messages are pushed to teams, one module a channel; the mailbox and AMQP live in the broker."""
