"""The functions of the pages: each takes what is asked, and returns what its template shows."""
