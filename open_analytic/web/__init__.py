"""The pages and the API that a browser talks to."""
