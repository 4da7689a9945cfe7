"""The command line: the only place that prints, parses arguments, and knows a terminal."""
