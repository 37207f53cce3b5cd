"""The app; its receivers are connected when Django is ready."""

from django.apps import AppConfig


class ClinicConfig(AppConfig):
    """Doctors and appointments."""

    name = "clinic"

    def ready(self) -> None:
        from . import receivers  # noqa: F401
