"""How the console is run: on one machine here (`embedded`), in containers elsewhere."""
