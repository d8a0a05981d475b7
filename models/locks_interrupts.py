"""What calls on the interrupts of a device lock and sleep on. docs/assumptions.md says what is known of it."""

from tenure.vocabulary.locks import Lock, Queue

IGATE = Lock(
    "device.igate", "mutex of a device's interrupts: over each call that changes, unmasks or takes away eventfds"
)
HANDLERS = Queue("synchronize_irq", "who takes an eventfd away waits for handlers that are going to signal it")
