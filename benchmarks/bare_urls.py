"""One row by its unique name, as Django REST framework gives it: no sign-in, no middleware, no rule of ours."""

from django.urls import path
from rest_framework.generics import RetrieveAPIView
from rest_framework.permissions import AllowAny
from rest_framework.serializers import ModelSerializer

from inventory.models import Workspace


class Bare(ModelSerializer):
    """The columns of the row that the product's own route tells of, and no more."""

    class Meta:
        model = Workspace
        fields = ("name", "display_name", "region")


class BareView(RetrieveAPIView):
    """GET one workspace."""

    queryset = Workspace.objects.all()
    serializer_class = Bare
    permission_classes = (AllowAny,)
    throttle_classes = ()
    lookup_field = "name"


urlpatterns = [path("bare/<str:name>", BareView.as_view())]
