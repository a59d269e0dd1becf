"""The report of a build: one HTML page that needs nothing but a browser."""
