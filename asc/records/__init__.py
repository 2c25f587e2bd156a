"""What a run leaves on disk: its folder, and the event log in it."""
