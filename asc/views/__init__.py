"""What people see on a terminal while something runs: the live view, plain lines, the progress of a study."""
