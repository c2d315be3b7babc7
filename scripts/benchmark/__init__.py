"""What scripts/bench.py is made of: setting (what is measured on), running (processes and rounds), the
items in towers and jobs, report (the page). peers/ holds the programs that measure the other libraries,
each run in a process of its own; this package itself imports nothing but the standard library: what a
process is seen to hold begins with what the one that started it held."""
