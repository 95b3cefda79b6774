import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations

import orchestrator.models.words


class Migration(migrations.Migration):
    """Built while cases go on; a build that was cut off leaves an index that the next try drops."""

    atomic = False

    dependencies = [
        ('orchestrator', '0009_attachments'),
    ]

    operations = [
        migrations.RunSQL(
            'DROP INDEX CONCURRENTLY IF EXISTS case_words', migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            model_name='case',
            index=django.contrib.postgres.indexes.GinIndex(orchestrator.models.words.OrderedWords('data'), name='case_words', gin_pending_list_limit=16384),
        ),
        migrations.RunSQL(
            'DROP INDEX CONCURRENTLY IF EXISTS attempt_words', migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            model_name='attempt',
            index=django.contrib.postgres.indexes.GinIndex(orchestrator.models.words.Words('output'), name='attempt_words', gin_pending_list_limit=16384),
        ),
    ]
