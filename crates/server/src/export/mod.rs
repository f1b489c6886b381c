//! Export and SQL: the tables as files, in a stable order.
