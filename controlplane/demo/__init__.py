"""The whole road, shown: ten customers' databases from wish to ready, then checked against Azure's own state."""
