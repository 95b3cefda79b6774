from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The law of conservation is checked along what is open, however much is over.

    Built while cases go on; a build that was cut off leaves an index that the next try drops.
    """

    atomic = False

    dependencies = [
        ("orchestrator", "0012_checkpoints"),
    ]

    operations = [
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY IF EXISTS case_open_in_order", migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            model_name="case",
            index=models.Index(
                condition=models.Q(("state__in", ("open", "cancelling"))),
                fields=["id"],
                name="case_open_in_order",
            ),
        ),
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY IF EXISTS task_open_in_order", migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            model_name="task",
            index=models.Index(
                condition=models.Q(("state__in", ("completed", "cancelled")), _negated=True),
                fields=["id"],
                name="task_open_in_order",
            ),
        ),
    ]
