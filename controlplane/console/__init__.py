"""The operators' console: what is there, what goes on, what needs somebody. Rows change through buttons that call services."""
