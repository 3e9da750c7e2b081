"""What `benchmarks/reliability.py` measures: a file for each kind of harm."""
