"""``open-analytic demo``: real photos imported, indexed and found by a picture, in Python, SQL and the shell."""
