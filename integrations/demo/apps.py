from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Example workflows with real agents. Installed where REWIRE_APPS names it."""

    name = "integrations.demo"
    label = "demo"
    verbose_name = "Demo"
