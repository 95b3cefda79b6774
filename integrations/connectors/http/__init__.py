from integrations.connectors.http.connector import Http

__all__ = ["Http"]
