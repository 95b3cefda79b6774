from datetime import timedelta

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    """Every open incident has a time by which somebody should have looked at it.

    Those that are there, and those that processes of the version before still open, get a day:
    the database fills the column in, and rewrites no row for it.
    """

    atomic = False

    dependencies = [
        ("orchestrator", "0014_hot_tables"),
    ]

    operations = [
        migrations.AddField(
            model_name="incident",
            name="due_at",
            field=models.DateTimeField(db_default=Now() + timedelta(days=1), editable=False),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS incident_due", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="incident",
            index=models.Index(
                condition=models.Q(("state", "open")),
                fields=["due_at"],
                name="incident_due",
            ),
        ),
    ]
