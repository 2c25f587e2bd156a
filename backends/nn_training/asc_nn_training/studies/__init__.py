"""Studies: experiments over many trainings that answer one question, with tables as results."""
