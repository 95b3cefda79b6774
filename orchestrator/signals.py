"""What the engine tells whoever listens, without knowing them."""

from django.dispatch import Signal

# Machine work is ready. Only a doorbell: the sweep finds the work without it.
work_ready = Signal()
