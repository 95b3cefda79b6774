from integrations.connectors.python.connector import Python

__all__ = ["Python"]
