"""A page on this machine in which a sentence is said in every language, models are heard, and results are turned."""
