"""The site's addresses with the demo's, as they are where REWIRE_APPS names it."""

from django.urls import include, path

from orchestrator.urls import urlpatterns as site

urlpatterns = [*site, path("demo/", include("integrations.demo.urls"))]
