"""The report of a build: one HTML file for a browser, a phone or paper, without a network.

page        reads the database and renders page.html
"""
