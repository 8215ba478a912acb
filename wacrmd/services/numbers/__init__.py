"""Phone numbers of accounts: managing them and checking them at Meta."""
