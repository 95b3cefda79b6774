"""Speed, beside what the bare framework does in the same run. ``make bench`` runs it."""
