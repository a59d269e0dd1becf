"""What all pages share: the stylesheet, charts as inline SVG, templates, and number formats.

    style.css     colors, tables and charts, for light and dark screens, phones and paper
    page.js       tables that sort by a click
    macros.html   names of tracks, cells of tables, a chart with its finding and its numbers
    pages         the environment of the templates
    charts        charts of the rows of analyses, each with its finding in words
    figures       drawing by matplotlib, whose colors are the variables of style.css
    numbers       numbers as text

Nothing here knows a database.
"""
