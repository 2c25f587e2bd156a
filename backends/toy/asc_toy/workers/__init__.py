"""Workers: what runs in them, and the executors that start them."""
