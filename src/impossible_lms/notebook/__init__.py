"""The calls of a script or a notebook that are wider than one room: many runs, names for things, what is seen."""
