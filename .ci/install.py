"""Install what `pip install` would with the same arguments, into this Python's environment: by uv, else by pip.

uv takes a quarter of pip's time, but reads none of pip's configuration. So pip says where it would look.
"""

import os
import subprocess
import sys

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
UV = [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable]


def install_by_uv(arguments: list[str]) -> None:
    """Fetch uv and install with it.

    Raises:
        subprocess.CalledProcessError: one of the two failed.
        ImportError, AttributeError: this release of pip tells its configuration in some other way.
    """
    from pip._internal.commands import create_command  # noqa: PLC0415

    subprocess.run([*PIP, "--quiet", "--only-binary=uv", "uv"], check=True, capture_output=True)
    pip, _ = create_command("install").parse_args([])
    # In the environment, not as arguments: an address may hold a password, and others can see the arguments.
    configured = {
        "UV_DEFAULT_INDEX": pip.index_url,
        "UV_INDEX": " ".join(pip.extra_index_urls),
        "UV_INDEX_STRATEGY": "unsafe-best-match",  # all indexes are equal, as they are to pip
        "UV_FIND_LINKS": ",".join(pip.find_links),
        "UV_INSECURE_HOST": " ".join(pip.trusted_hosts),
        "UV_HTTP_TIMEOUT": str(int(pip.timeout)),
        "SSL_CERT_FILE": pip.cert,
        "ALL_PROXY": pip.proxy,
    }
    environment = {name: value for name, value in configured.items() if value} | os.environ
    options = ["--no-index"] * pip.no_index + [f"--constraint={path}" for path in pip.constraints]
    subprocess.run([*UV, *options, *arguments], check=True, env=environment)


try:
    install_by_uv(sys.argv[1:])
except (subprocess.CalledProcessError, ImportError, AttributeError):
    sys.exit(subprocess.run([*PIP, *sys.argv[1:]], check=False).returncode)
except KeyboardInterrupt:
    sys.exit(130)
