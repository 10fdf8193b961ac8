"""`samesku`: every verb, the desk included."""

import sys


def main() -> None:
    """The console script. What takes long to load is loaded here: ctrl+c ends that too without a traceback."""
    arguments = sys.argv[1:]
    try:
        if "--kiosk" in arguments:
            from tui.isolation import restart_isolated  # noqa: PLC0415

            restart_isolated(arguments)
        from tui.command_line import start  # noqa: PLC0415

        start(arguments)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
