"""``python -m open_analytic`` is the command ``open-analytic``."""

try:
    from open_analytic.cli import main
except KeyboardInterrupt:
    raise SystemExit(130) from None

if __name__ == "__main__":
    main()
