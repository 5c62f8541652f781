"""Where an experiment's tasks are done: engines know nothing of what they do."""
