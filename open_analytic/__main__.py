"""``python -m open_analytic`` is the command ``open-analytic``."""

from open_analytic.cli import main

if __name__ == "__main__":
    main()
