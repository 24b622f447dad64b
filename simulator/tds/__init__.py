"""The SQL side of the simulator: TDS 7.4 with TLS, logins, contained users and the T-SQL that manages them.

Read in this order: `directory` (what it needs of the rest), `engine` (a session in process), `session` (bytes in,
bytes out), `server` (sockets).
"""
