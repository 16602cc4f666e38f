"""``python -m ketasim``, where the command is not on the path."""

from ketasim.cli import main

if __name__ == "__main__":
    main()
