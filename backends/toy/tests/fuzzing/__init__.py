"""A fuzzer of exactness: random programs, the user's own loop over them, and the comparison with `accelerate`.

subject     a program as source text, and how it is loaded
draw        a program from a seed; its statements come from `pool`
plain       the user's own loop, on an object that knows nothing of asc
differences what differs between two values: types, bits, order, sharing
ambient     what a program can change beside its state, taken down and put back
settings    executor and settings from a seed
judge       the verdict on one program
shrink      a smaller program with the same verdict
"""
