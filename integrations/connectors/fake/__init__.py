from integrations.connectors.fake.connector import Fake

__all__ = ["Fake"]
