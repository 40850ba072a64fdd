"""The roof: settings, addresses, entry points.  Knows every app, known by none."""
