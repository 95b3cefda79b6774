"""Django's PostgreSQL, with a cheaper look at connections that lay idle."""
