"""Academy's web site: server-rendered pages, with a little htmx where a reload would be felt."""
