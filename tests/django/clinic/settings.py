"""Settings of the clinic; CLINIC_CACHE and CLINIC_DATABASE come from the test."""

import os

SECRET_KEY = "not a secret: the tests'"
INSTALLED_APPS = ["clinic.apps.ClinicConfig"]
ROOT_URLCONF = "clinic.urls"
ALLOWED_HOSTS = ["testserver"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("CLINIC_DATABASE", "clinic.sqlite3"),
        "OPTIONS": {"timeout": 30},
    }
}

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": os.environ.get("CLINIC_CACHE", "127.0.0.1:11211"),
        "KEY_PREFIX": "clinic",
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
}
