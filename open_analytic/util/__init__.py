"""Small modules that several rooms use: cancellation, old names, JSON, SQL's tokens, libpq's environment, files."""
