"""What tests of the whole share: a clock that tests turn, and a site (daemon, simulated Meta, one account)."""
