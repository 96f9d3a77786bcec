"""RabbitMQ: announcements of what is due, and queues of the teams that chose them. Nothing outside this package speaks AMQP."""
