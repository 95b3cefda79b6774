from django.db import migrations

# Measured in docs/how-to/scale-out.md. A claim and a decision change columns that partial indexes
# name (state, claimed_by), so no update of these is HOT and free space in their pages helps nothing.
# What helps is to clean earlier than at a fifth of the table: claims walk past the dead entries at
# the front of the queue's indexes.
CLEANED_EARLY = {
    'autovacuum_vacuum_scale_factor': '0.02',
    'autovacuum_vacuum_threshold': '1000',
    'autovacuum_analyze_scale_factor': '0.05',
}
SETTINGS = {
    'task': CLEANED_EARLY,
    'seat': CLEANED_EARLY,
    'timer': CLEANED_EARLY,
    'delivery': CLEANED_EARLY,
    'bulkrow': CLEANED_EARLY,
    'waiting': CLEANED_EARLY,
    # Each act moves seq and head, which no index names: with a tenth of a page free, that is HOT
    # also for a case that has been waiting in a full page.
    'case': CLEANED_EARLY | {'fillfactor': '90'},
    # Few rows that change all the time, by columns that no index names.
    'counter': {'fillfactor': '50', 'autovacuum_vacuum_scale_factor': '0.05'},
    'connection': {'fillfactor': '50'},
    'follower': {'fillfactor': '50'},
}


def settings():
    for table, values in SETTINGS.items():
        pairs = ', '.join(f'{name} = {value}' for name, value in values.items())
        yield migrations.RunSQL(
            f'ALTER TABLE orchestrator_{table} SET ({pairs})',
            f'ALTER TABLE orchestrator_{table} RESET ({", ".join(values)})',
        )


class Migration(migrations.Migration):
    """Takes no lock that writers wait for, and rewrites nothing: new pages are filled otherwise."""

    dependencies = [
        ('orchestrator', '0013_open_in_order'),
    ]

    operations = list(settings())
