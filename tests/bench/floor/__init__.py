"""The floor: the least that Django can do for the same work. One table, no rights, no record."""
