"""Shared by tests of the whole: clocks, a site (daemon, simulated Meta, one account), and a local app."""
