"""DOCX, XLSX and CSV."""
