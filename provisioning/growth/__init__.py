"""When will a database, or its pool, be full, and what do we propose weeks before."""
