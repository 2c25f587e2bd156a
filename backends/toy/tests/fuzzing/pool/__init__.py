"""What programs are drawn from: words, statements by what they do, and definitions that a module may have."""
