"""`python -m synthaudit` is `synthaudit`."""

from synthaudit.cli import main

if __name__ == "__main__":
    main()
