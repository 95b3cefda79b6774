#!/usr/bin/env python
import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Not configured: {error}")
    except OperationalError as error:
        _explain(error)
        raise


def _explain(error: Exception) -> None:
    """End with one sentence where the database was never reached."""
    from django.conf import settings
    from django.db import connection

    if connection.connection is not None:
        return
    if settings.EMBEDDED_DATABASE:
        sys.exit(
            f"The database in {settings.HOME.path} does not run: "
            "start it with `make demo` or `make up`, or set REWIRE_HOME."
        )
    sys.exit(f"Cannot reach the database: {str(error).splitlines()[0]}")


if __name__ == "__main__":
    main()
