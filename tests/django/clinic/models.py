"""Doctors and their appointments."""

from django.db import models


class Doctor(models.Model):
    """Somebody who has appointments."""

    name = models.CharField(max_length=100)


class Appointment(models.Model):
    """An hour of a doctor's day, and what it brings."""

    doctor = models.ForeignKey(
        Doctor, on_delete=models.CASCADE, related_name="appointments"
    )
    amount = models.DecimalField(max_digits=8, decimal_places=2)
