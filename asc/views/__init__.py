"""What people see while a run goes on: the live view and plain lines."""
