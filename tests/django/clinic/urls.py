"""/api/doctors/ and /api/doctors/<pk>/"""

from rest_framework.routers import SimpleRouter

from .views import DoctorViewSet

router = SimpleRouter()
router.register("api/doctors", DoctorViewSet)
urlpatterns = router.urls
