"""`python -m core VERB`: the headless command line."""

from core.cli.app import main

if __name__ == "__main__":
    main()
