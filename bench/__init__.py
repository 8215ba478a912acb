"""How fast wacrmd is: each script measures rows of one table; `python -m bench` runs them all."""
