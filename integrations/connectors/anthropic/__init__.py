from integrations.connectors.anthropic.connector import Anthropic

__all__ = ["Anthropic"]
