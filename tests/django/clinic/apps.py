"""The app; its receivers are connected when Django is ready."""

from django.apps import AppConfig


class ClinicConfig(AppConfig):
    """Doctors and appointments."""

    name = "clinic"

    def ready(self) -> None:
        from . import receivers  # noqa: F401


class ModelsOnly(AppConfig):
    """Without the receivers: for the README's own."""

    name = "clinic"
