"""The documents of artifacts: what people read in place of JSON."""

from penstock.planning.documents.rendering import Documents, documents_of

__all__ = ["Documents", "documents_of"]
