"""The only package with SQL; `store/migrations/` has the schema.

Services, `dispatch`, `sender` and `outbound` import it; a transaction is one plain function that takes a `Tx`.
"""
