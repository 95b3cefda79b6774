from integrations.connectors.openai_compatible.connector import OpenAICompatible

__all__ = ["OpenAICompatible"]
