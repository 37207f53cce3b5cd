"""The expensive figures of a doctor."""

from django.core.cache import cache
from django.db.models import Count, Sum

from .models import Appointment
from .tags import clock, tagged_set


def calculate_doctor_stats(doctor_id: int) -> dict:
    """Asks the database."""
    figures = Appointment.objects.filter(doctor_id=doctor_id).aggregate(
        appointments=Count("id"), total=Sum("amount")
    )
    return {"doctor": doctor_id, **figures}


def get_doctor_stats(doctor_id: int) -> dict:
    """From the cache, or from the database and then into the cache."""
    cache_key = f"doctor_stats:{doctor_id}"

    stats = cache.get(cache_key)
    if stats is not None:
        return stats

    asof = clock()  # before the database is read
    stats = calculate_doctor_stats(doctor_id)

    tagged_set(cache_key, stats, [f"doctor:{doctor_id}"], asof, timeout=60 * 60)
    return stats


def get_busy_days(doctor_id: int) -> int:
    """Another entry of the same doctor."""
    cache_key = f"busy_days:{doctor_id}"
    days = cache.get(cache_key)
    if days is None:
        asof = clock()
        days = Appointment.objects.filter(doctor_id=doctor_id).count()
        tagged_set(cache_key, days, [f"doctor:{doctor_id}", "calendar"], asof)
    return days
