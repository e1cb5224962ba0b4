#!/usr/bin/env bash
# Make the environment that `make run` and `make test` need; do nothing when it is there already.
#
#   scripts/setup.sh [EXTRA ...]      the project, its locked dependencies and these extras of pyproject.toml
#
# It looks for a Python (PATH, then pyenv's folder, else uv downloads one) and for uv (PATH, then .venv-tools, else it
# installs uv there). PYTHON=/path/to/python chooses the Python of a new environment, UV_PROJECT_ENVIRONMENT its folder.
# Kept within the bash 3.2 of macOS.
set -euo pipefail
cd -P "$(dirname "$0")/.."

# The versions for which every locked package has a ready-made wheel (a test in tests/test_package.py checks this line).
PYTHON_VERSIONS="3.13 3.12"
UV_REQUIREMENT="uv>=0.9,<1"
UV_INSTALLER="https://astral.sh/uv/install.sh"
TOOLS=".venv-tools"
VENV="${UV_PROJECT_ENVIRONMENT:-.venv}"

say() { printf '[setup] %s\n' "$*"; }
fail() { # what is wrong, what to do
    printf '\n[setup] ERROR: %s\n[setup] HINT:  %s\n' "$1" "$2" >&2
    exit 1
}

# Print the real path of a Python 3 that starts. Trying is the only way to know: pyenv leaves shims on PATH that do not.
usable_python() { # command, "X.Y" or "any"
    "$1" -c '
import ssl, sys
version = "%d.%d" % sys.version_info[:2]
free_threaded = "t" in sys.abiflags  # has wheels of its own, which the lock does not list
if sys.version_info[0] != 3 or free_threaded or sys.argv[1] not in (version, "any"):
    raise SystemExit(1)
print(sys.executable)' "$2" 2>/dev/null
}

find_python() {
    local version command pyenv="${PYENV_ROOT:-${HOME:-}/.pyenv}"
    for version in $PYTHON_VERSIONS; do
        for command in "$VENV/bin/python" $(type -ap "python$version" python3); do
            usable_python "$command" "$version" && return
        done
    done
    for version in $PYTHON_VERSIONS; do
        for command in "$pyenv/versions/$version"*/bin/python; do
            usable_python "$command" "$version" && return
        done
    done
    return 1
}

# Sets PYTHON_REQUEST: a path, or the version that uv is to download.
choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        PYTHON_REQUEST="$(usable_python "$PYTHON" any)" ||
            fail "PYTHON=$PYTHON does not start." "Give the path of a Python ${PYTHON_VERSIONS/ / or }, or leave PYTHON out."
    else
        PYTHON_REQUEST="$(find_python)" || PYTHON_REQUEST="${PYTHON_VERSIONS%% *}"
    fi
}

usable_uv() {
    case "$("$1" --version 2>/dev/null)" in
    "uv 0."[0-8].*) return 1 ;;
    "uv "*) return 0 ;;
    *) return 1 ;;
    esac
}

bootstrap_uv() {
    local python
    for python in "$PYTHON_REQUEST" $(type -ap python3); do
        python="$(usable_python "$python" any)" || continue
        say "uv is not installed: putting it into $TOOLS with $python"
        rm -rf "$TOOLS"
        "$python" -m venv "$TOOLS" >/dev/null 2>&1 &&
            "$TOOLS/bin/python" -m pip install --quiet --disable-pip-version-check "$UV_REQUIREMENT" && return
        say "that did not work (no venv module, or no way to the package index): trying the next way"
    done
    rm -rf "$TOOLS"
    say "no Python could install uv: running uv's own installer, $UV_INSTALLER"
    { curl --proto '=https' -fsSL "$UV_INSTALLER" || wget -qO- "$UV_INSTALLER"; } 2>/dev/null |
        UV_UNMANAGED_INSTALL="$PWD/$TOOLS/bin" sh || true
}

find_uv() { # sets UV_COMMAND
    UV_COMMAND="$(command -v uv || true)"
    usable_uv "$UV_COMMAND" && return
    UV_COMMAND="$TOOLS/bin/uv"
    usable_uv "$UV_COMMAND" && return
    bootstrap_uv
    usable_uv "$UV_COMMAND" ||
        fail "uv, which installs the locked packages, is neither there nor could it be installed." \
            "Check the network, or install uv (https://docs.astral.sh/uv) or a Python 3 with its venv module yourself."
}

# What the environment was made from: this folder, the lock and the project's own description.
fingerprint() { printf '%s ' "$PWD" && cat uv.lock pyproject.toml | cksum; }

up_to_date() {
    local extra
    "$VENV/bin/python" -c "" 2>/dev/null || return 1
    for extra in base "$@"; do
        [ "$(cat "$VENV/.mtbkd-$extra" 2>/dev/null)" = "$FINGERPRINT" ] || return 1
    done
}

# The programs in an environment hold its absolute path: a copied one would run the code of the folder it came from.
drop_moved_environment() {
    [ -e "$VENV/.mtbkd-base" ] || return 0
    case "$(cat "$VENV/.mtbkd-base")" in
    "$PWD "*) return 0 ;;
    esac
    say "$VENV was made for another folder: making it anew"
    rm -rf "$VENV"
}

# --inexact and one stamp an extra: `make run` after `make test` neither installs nor removes anything.
synchronise() {
    local extra flags=()
    case "$PYTHON_REQUEST" in
    */*) say "Python: $PYTHON_REQUEST" ;;
    *) say "Python: no ${PYTHON_VERSIONS/ / or } here, so uv downloads $PYTHON_REQUEST" ;;
    esac
    for extra in "$@"; do flags+=(--extra "$extra"); done
    [ -t 2 ] || flags+=(--quiet)
    say "installing the locked packages into $VENV${*:+ with the extras $*} (several GB, so the first time takes minutes)"
    "$UV_COMMAND" sync --locked --inexact --python "$PYTHON_REQUEST" ${flags[@]+"${flags[@]}"} ||
        fail "uv could not make $VENV; its own message is above." \
            "Check the network and the disk's free space, then repeat; 'rm -rf $VENV' starts afresh, PYTHON=... names a Python."
    for extra in base "$@"; do printf '%s\n' "$FINGERPRINT" >"$VENV/.mtbkd-$extra"; done
    say "$VENV is ready"
}

# Snakemake reads braces in a path as wildcards, and gives the path of Python to a shell as it is.
check_paths() {
    local venv="$VENV" special="[][:space:]'\"\\\$\`&;|<>()*?!{}[]"
    case "$venv" in /*) ;; *) venv="$PWD/$VENV" ;; esac
    case "$PWD" in *[{}]*) fail "the path of this folder has a brace, which Snakemake takes for a wildcard: $PWD" \
        "Move or rename the folder." ;; esac
    [[ "$venv" =~ $special ]] || return 0
    fail "the path of the environment has a character that jobs cannot start with ('${BASH_REMATCH[0]}'): $venv" \
        "Move the repository, or have the environment elsewhere: UV_PROJECT_ENVIRONMENT=<folder> make run"
}

check_paths
FINGERPRINT="$(fingerprint)"
unset VIRTUAL_ENV PYTHONHOME
drop_moved_environment
if ! up_to_date "$@"; then
    say "making the environment"
    choose_python
    find_uv
    synchronise "$@"
fi
