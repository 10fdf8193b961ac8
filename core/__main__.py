"""`python -m core VERB`: every headless verb."""

from core.cli.app import main

if __name__ == "__main__":
    main()
