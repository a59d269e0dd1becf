"""What the tests share: an independent reference, small logs, builds, the command line."""
