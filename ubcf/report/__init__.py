"""The report of a build: one HTML page that needs nothing but a browser."""

from ubcf.report.page import ReportSummary, write_report

__all__ = ["ReportSummary", "write_report"]
