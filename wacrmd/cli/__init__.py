"""The commands. Most are thin clients of the admin socket; `serve`, `demo` and `simulate` start the programs.

Only `reference` imports it.
"""
