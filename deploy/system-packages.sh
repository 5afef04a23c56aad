#!/bin/sh
# Installs the Debian packages that are missing: Mosquitto and its clients, openssl, with which the guide to a pilot shows
# fingerprints, and venv for the Python named in $1.
# Where it may not install, it says which command does.
set -eu
python=${1:-python3}
need=""
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    if command -v "$python" >/dev/null 2>&1; then
        echo "dcnet needs Python 3.11 or newer; $python is $("$python" --version 2>&1). Name another: make PYTHON=python3.12 ..." >&2
        exit 1
    fi
    need="$need python3"
}
"$python" -c 'import ensurepip, venv' 2>/dev/null || need="$need python3-venv"
command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ] || need="$need mosquitto"
command -v mosquitto_pub >/dev/null 2>&1 || need="$need mosquitto-clients"
command -v openssl >/dev/null 2>&1 || need="$need openssl"
[ -n "$need" ] || exit 0

run=""
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        run=sudo
    else
        echo "Missing:$need. Install with:  sudo apt-get install --no-install-recommends$need" >&2
        exit 1
    fi
fi
command -v apt-get >/dev/null 2>&1 || {
    echo "Missing:$need, and this system has no apt-get. Install them with your package manager, then run make again." >&2
    exit 1
}
echo "installing with apt-get:$need"
$run apt-get update -qq
$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $need >/dev/null
