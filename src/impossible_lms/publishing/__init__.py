"""From runs to repositories that load with the code people have."""
