"""PDF: letters at places become headings, paragraphs, lists and tables."""
