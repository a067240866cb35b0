"""Parts of an HTML page: sections, tables, pictures and the glossary."""
