"""The fixtures that all live suites share are in server/harness."""

pytest_plugins = ["harness.fixtures"]
