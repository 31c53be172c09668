"""HTML pages: the part that is the article, without what nobody sees, in one form."""
