"""The report of a run or a study: one HTML file, a trace, tables."""
