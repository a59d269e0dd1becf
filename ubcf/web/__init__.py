"""`ubcf browse`: pages for looking things up in a browser. README.md is a map.

    server        binds the address, runs until Ctrl-C
    app           PAGES: the address, the function and the template of every page
    pages/        the functions: what a page shows, from the analyses of sql/analysis/
    templates/    the templates: how it is shown
    static/       the script and the further styles of all pages
    page          what a page is, and what its function is given
    answering     from a request to HTML or JSON, with limits of time
    rendering     the environment of the templates, and JSON
    builds        the database, its cursors, and what is computed once a build
    addresses     ids of any text in addresses
    safety        whom a request comes from, and what an answer allows a browser to do
    connections   connections that send or take too slowly are closed

No module of this room has SQL.
"""
