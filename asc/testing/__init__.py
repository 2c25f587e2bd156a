"""For authors of plugins and backends: laws to subclass, small computations to try things on, histories by hand."""
