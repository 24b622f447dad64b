"""The T-SQL subset: text in, syntax tree out. It knows neither databases nor wires."""
