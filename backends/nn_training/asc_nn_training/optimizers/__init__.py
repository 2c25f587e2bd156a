"""What optimisers keep beside the weights: moments, counts, weights of their own."""
