"""The report of a build: one HTML file for a browser, a phone or paper, without a network.

page        reads the database and renders page.html
charts      the charts of the page, each with its finding in words and its numbers as a table
"""
