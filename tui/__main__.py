"""The console script `samesku`: all commands, including the desk."""

import sys


def main() -> None:
    """Run the command line. Slow imports happen inside, so that ctrl+c during start-up ends without a traceback."""
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
