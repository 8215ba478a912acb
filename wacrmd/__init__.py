"""wacrmd sends WhatsApp broadcasts from your own server: never lost, never twice."""

__version__ = "0.1.0"
