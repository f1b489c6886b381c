//! Reports: figures with their freshness, as tables, JSON, CSV and HTML.
