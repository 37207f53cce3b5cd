"""A change of an appointment invalidates what was made from its doctor."""

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from .models import Appointment
from .tags import invalidate


@receiver([post_save, post_delete], sender=Appointment)
def invalidate_doctor_cache(sender, instance, **kwargs):
    """After the commit: before it, readers still see the old rows."""
    tag = f"doctor:{instance.doctor_id}"
    transaction.on_commit(lambda: invalidate(tag))
