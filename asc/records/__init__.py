"""What lies on disk: run folders, the event log."""
