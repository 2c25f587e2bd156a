"""Studies: experiments over many trainings that answer one question, and are told in tables."""
