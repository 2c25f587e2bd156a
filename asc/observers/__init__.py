"""What a person sees of a run, and what stays on disk: live view, plain lines, record, trace and report.

An observer is an object whose methods are marked with `asc.hookspecs.hookimpl`; it is called when a run starts, at
every boundary and at the end. Boundaries may come tens of thousands of times a second, so an observer with nothing to
do looks at `Boundary.ended`, which is a clock reading that somebody has already paid for, and returns.
"""
