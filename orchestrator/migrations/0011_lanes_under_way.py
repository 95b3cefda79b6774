from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built beside running work, so in no transaction.
    atomic = False

    dependencies = [
        ('orchestrator', '0010_case_search'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='task',
            index=models.Index(condition=models.Q(('state', 'running')), fields=['lane'], name='task_under_way'),
        ),
    ]
