"""The list of doctors, and a doctor, as cached pages."""

import functools
from collections.abc import Callable

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_cache_key
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_page
from rest_framework import serializers, viewsets

from .models import Doctor
from .tags import clock, tag


def tagged_page(*tags: str) -> Callable:
    """Around `cache_page`: the page that it stores gets tags. A tag may name
    arguments of the view: "doctor:{pk}"."""

    def decorate(view: Callable) -> Callable:
        @functools.wraps(view)
        def wrapped(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            asof = clock()  # before the database is read
            response = view(request, *args, **kwargs)

            def tag_page(_: HttpResponse) -> None:
                names = [name.format(**kwargs) for name in tags]
                tag(cache.make_key(get_cache_key(request)), names, asof)

            if request._cache_update_cache:
                # cache_page stores after rendering, so this comes after that.
                response.add_post_render_callback(tag_page)
            return response

        return wrapped

    return decorate


class DoctorSerializer(serializers.ModelSerializer):
    """What is shown of a doctor."""

    appointments = serializers.IntegerField(
        source="appointments.count", read_only=True
    )

    class Meta:
        model = Doctor
        fields = ["id", "name", "appointments"]


class DoctorViewSet(viewsets.ReadOnlyModelViewSet):
    """The list is cached for its time, as in any Django site; a doctor's page
    until something of the doctor changes."""

    queryset = Doctor.objects.order_by("id")
    serializer_class = DoctorSerializer

    @method_decorator(cache_page(60 * 15))
    def list(self, request, *args, **kwargs):
        return super().list(request, *args, **kwargs)

    @method_decorator(tagged_page("doctor:{pk}"))
    @method_decorator(cache_page(60 * 15))
    def retrieve(self, request, *args, **kwargs):
        return super().retrieve(request, *args, **kwargs)
