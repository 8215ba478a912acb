"""Makes the reference parts of pages in docs/ from the declarations: `python -m wacrmd.reference docs/*.md`.

Nothing imports it.
"""
