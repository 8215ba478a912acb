"""The dashboard in a browser: Playwright drives Debian's Chromium against the real daemon and the simulated Meta.

Playwright's asynchronous interface is used, in the event loop that anyio gives a test: the daemon and the simulated Meta
run in the same loop, so a test can press a button, hold Meta's answers and look at the database without threads. The
synchronous interface parks a loop of its own in the thread until Playwright is stopped, and every later test of the same
xdist worker would fail with "Cannot run the event loop while another loop is running" (microsoft/playwright-python
issues 1339 and 2053).

A worker has one browser while it runs tests of this package. That is why this is a package: a fixture of its scope ends
with it, and with the fixture ends the loop, so that tests elsewhere get loops of their own.
"""
