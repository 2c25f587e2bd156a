"""Speculators turn predictions into cache entries: judged at once, or executed by workers."""
