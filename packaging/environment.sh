# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-3.0-or-later
# The set-up that `run` and `test` share: system libraries, virtual environment, locked packages.
# To be sourced. Everything is done once; stamps in the environment tell what is done, so that a later start
# only compares a few lines. A set-up that was interrupted is thrown away and made again.

unset CDPATH
ROOT="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd -P)"
VENV="${SEMANTIC_PHOTOS_VENV:-$ROOT/.venv}"
LOG="$VENV/setup.log"
MARK="$VENV/.made-by-packaging" # tells our environment from one that a developer made by hand
HALF="$VENV/.unfinished"        # there while a set-up is under way

# What Qt needs from a bare system; "a|b" is one package under its newer and its older name.
GUI_PACKAGES=("libglib2.0-0t64|libglib2.0-0" libgl1 libegl1 libxkbcommon0 libdbus-1-3 libfontconfig1 fontconfig
    fonts-dejavu-core libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0
    libxcb-render-util0 libxcb-shape0 libxcb-xkb1 libxkbcommon-x11-0 libgssapi-krb5-2 libbrotli1
    libwayland-client0 libwayland-cursor0 libwayland-egl1)
PYTHON_PACKAGES=(python3 python3-venv)
COMPILER_PACKAGES=(g++ python3-dev)
TEST_PACKAGES=(xvfb xauth xdotool x11-utils imagemagick git)

say() { printf '%s\n' "$*" >&2; }

fail() { # MESSAGE…: show the end of the log, say what is wrong, stop
    if [ -s "$LOG" ]; then
        say "---- the last lines of $LOG"
        tail -n 15 "$LOG" >&2
        say "----"
    fi
    say "$@"
    exit 1
}

step() { # TEXT COMMAND…: run it with its output in the log; return its exit code
    local text="$1" began=$SECONDS code=0
    shift
    printf '  %s … ' "$text" >&2
    printf '\n== %s: %s\n' "$text" "$*" >>"$LOG"
    "$@" >>"$LOG" 2>&1 </dev/null || code=$?
    if [ "$code" = 0 ]; then say "done ($((SECONDS - began)) s)"; else say "failed"; fi
    return "$code"
}

# ---- the system's packages

is_debian() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

may_install() { [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

has_package() { dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q ' installed$'; }

missing_packages() { # NAMES…: print those that are not installed, each under all its names
    local entry name
    for entry in "$@"; do
        for name in ${entry//|/ }; do
            if has_package "$name"; then continue 2; fi
        done
        printf '%s\n' "$entry"
    done
}

names_for_people() { # ENTRIES…: one name of each, the one that this system knows if it can tell
    local entry name
    for entry in "$@"; do
        for name in ${entry//|/ }; do
            if apt-cache policy "$name" 2>/dev/null | grep -q 'Candidate: [^(]'; then break; fi
        done
        printf '%s ' "$name"
    done
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@"
}

apt_update() { # once for each start
    [ "${APT_UPDATED:-no}" = yes ] && return 0
    APT_UPDATED=yes
    apt update
}

apt_install() { # ENTRIES…
    local names
    # A half-finished installation of an earlier try, ours or another's, is finished first.
    as_root env DEBIAN_FRONTEND=noninteractive dpkg --configure -a || true
    apt_update || echo "The package lists could not be refreshed; going on with those that are here."
    read -r -a names <<<"$(names_for_people "$@")"
    apt install -y --no-install-recommends "${names[@]}"
}

want_packages() { # TEXT ENTRIES…: install what is missing, or say how; true when nothing is missing in the end
    local text="$1" missing
    shift
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" = 0 ] && return 0
    if may_install; then
        step "installing $text" apt_install "${missing[@]}" && return 0
        say "  The rest goes on without; $LOG tells why."
    else
        say "  Missing on this system: $text. To install them:"
        say "    sudo apt-get install -y --no-install-recommends $(names_for_people "${missing[@]}")"
    fi
    return 1
}

# ---- Python

good_python() { # PROGRAM: at least 3.11, 64 bits, can make environments with pip in them
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11) or sys.maxsize < 2**32)' 2>/dev/null
}

find_python() { # sets PYTHON; false when there is none
    local name
    for name in python3 python3.13 python3.12 python3.11 python3.14 /usr/bin/python3; do
        name="$(command -v "$name")" || continue
        if good_python "$name"; then
            PYTHON="$name"
            return 0
        fi
    done
    return 1
}

need_python() {
    find_python && return 0
    if is_debian && want_packages "Python" "${PYTHON_PACKAGES[@]}" && find_python; then return 0; fi
    say "Semantic Photos needs Python 3.11 or newer with its venv module:"
    say "  Debian, Ubuntu:  sudo apt-get install python3 python3-venv"
    say "  Fedora:          sudo dnf install python3"
    say "  Arch:            sudo pacman -S python"
    exit 1
}

# ---- the virtual environment

digest() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

# What an environment was made from: this folder, the interpreter behind it, and the files named.
fingerprint() { # FILES…
    { printf '1 %s %s\n' "$ROOT" "$(readlink -f "$VENV/bin/python")" && cat -- "$@"; } | digest
}

is_done() { # STAMP FILES…
    local stamp="$VENV/.done-$1"
    shift
    [ -f "$stamp" ] && [ "$(fingerprint "$@")" = "$(cat "$stamp")" ]
}

mark_done() { # STAMP FILES…
    local stamp="$VENV/.done-$1"
    shift
    fingerprint "$@" >"$stamp.new" && mv "$stamp.new" "$stamp"
}

pip_install() {
    "$VENV/bin/python" -m pip --no-input --disable-pip-version-check install --progress-bar off --require-hashes "$@"
}

compile_annoy() {
    # Without isolation: the locked setuptools does it, and nothing else is fetched.
    pip_install --only-binary :all: -r "$ROOT/packaging/requirements-build.txt" &&
        pip_install --no-build-isolation --no-deps -r "$ROOT/packaging/requirements-annoy.txt"
}

# Only one set-up at a time in this folder; a second one waits for the first and then finds all done.
with_lock() {
    if command -v flock >/dev/null; then
        # shellcheck disable=SC2094  # a folder is locked here, nothing is read from it
        ( flock 9 || true; "$@" 9<&- ) 9<"$ROOT"
    else
        "$@"
    fi
}

begin_log() {
    mkdir -p "$VENV" 2>/dev/null || fail "The folder $VENV cannot be made. Choose another one with" \
        "SEMANTIC_PHOTOS_VENV=FOLDER $0"
    [ -n "${LOG_BEGUN:-}" ] && return
    LOG_BEGUN=yes
    if [ ! -f "$MARK" ] && [ ! -f "$VENV/pyvenv.cfg" ]; then : >"$MARK"; fi
    : >"$LOG" 2>/dev/null || fail "The folder $VENV cannot be written."
    uname -a >>"$LOG"
    # Installing ca-certificates rewrites the system's bundle: a bundle that pip was told to use is kept as it was.
    if [ -f "${PIP_CERT:-}" ]; then
        cp -L "$PIP_CERT" "$VENV/.pip-cert"
        export PIP_CERT="$VENV/.pip-cert"
    fi
}

make_environment() { # a fresh one unless a sound one is there
    if [ -x "$VENV/bin/python" ] && [ -f "$VENV/.base" ] && [ ! -f "$HALF" ] &&
        [ "$(cat "$VENV/.base")" = "$ROOT $(readlink -f "$VENV/bin/python")" ] &&
        "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
        return 0
    fi
    need_python
    # The log stays; what is left of another Python, another place or an interrupted set-up goes.
    find "$VENV" -mindepth 1 -maxdepth 1 ! -name setup.log ! -name "${MARK##*/}" ! -name .pip-cert \
        -exec rm -rf {} +
    : >"$HALF"
    step "making the Python environment" "$PYTHON" -m venv "$VENV" ||
        fail "The Python environment could not be made in $VENV."
    printf '%s\n' "$ROOT" >"$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/semantic-photos.pth"
    printf '%s\n' "$ROOT $(readlink -f "$VENV/bin/python")" >"$VENV/.base"
    rm -f "$HALF"
}

set_up_packages() { # STAMP LOCKFILE TEXT
    is_done "$1" "$2" && return 0
    : >"$HALF"
    step "$3" pip_install --only-binary :all: -r "$2" ||
        fail "The Python packages could not be installed. That takes the network once, and on most systems" \
            "about 500 MB of space. Start again to try again."
    mark_done "$1" "$2"
    rm -f "$HALF"
}

set_up_annoy() {
    local build="$ROOT/packaging/requirements-build.txt" annoy="$ROOT/packaging/requirements-annoy.txt"
    is_done annoy "$build" "$annoy" && return 0
    if ! can_compile; then
        [ ! -f "$VENV/.said-no-annoy" ] || return 0
        if ! is_debian || ! want_packages "a C++ compiler" "${COMPILER_PACKAGES[@]}" || ! can_compile; then
            say "  The optional fast index (annoy) is left out; search is exact, which is fast to about 100,000 photos."
            : >"$VENV/.said-no-annoy"
            return 0
        fi
    fi
    step "building the fast index (annoy)" compile_annoy ||
        say "  It is left out; search is exact, which is fast to about 100,000 photos. $LOG tells why."
    # Also after a failure, so that not every start tries again: search works without.
    mark_done annoy "$build" "$annoy"
}

can_compile() {
    { command -v g++ || command -v c++ || command -v clang++; } >/dev/null &&
        "$VENV/bin/python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))'
}

set_up_system() { # the libraries for the window: checked once, and again as long as something is missing
    local stamp="$VENV/.done-system"
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "${GUI_PACKAGES[*]}" ] && return 0
    if is_debian; then
        want_packages "the libraries for the window" "${GUI_PACKAGES[@]}" && printf '%s' "${GUI_PACKAGES[*]}" >"$stamp"
    elif [ ! -f "$VENV/.said-system" ]; then
        say "  This is not a Debian system. For the window Qt needs, beside what a desktop has:"
        say "    Fedora:  sudo dnf install mesa-libEGL mesa-libGL libxkbcommon-x11 xcb-util-cursor xcb-util-wm" \
            "xcb-util-image xcb-util-keysyms xcb-util-renderutil fontconfig dejavu-sans-fonts gcc-c++ python3-devel"
        say "    Arch:    sudo pacman -S --needed libglvnd mesa libxkbcommon-x11 xcb-util-cursor xcb-util-wm" \
            "xcb-util-image xcb-util-keysyms xcb-util-renderutil fontconfig ttf-dejavu gcc"
        : >"$VENV/.said-system"
    fi
    return 0
}

set_up_app() {
    # A .venv that somebody made by hand is used as it is, if the program can start in it.
    if [ -f "$VENV/pyvenv.cfg" ] && [ ! -f "$MARK" ]; then
        "$VENV/bin/python" -c 'import sys; from importlib.util import find_spec
names = ("numpy", "onnxruntime", "PIL", "pillow_heif", "platformdirs", "PySide6", "rich", "watchdog")
sys.exit(any(find_spec(name) is None for name in names))' ||
            fail "$VENV was not made by this script and lacks packages. Remove it, or choose another folder with" \
                "SEMANTIC_PHOTOS_VENV=FOLDER $0"
        return 0
    fi
    is_set_up && return 0
    begin_log
    if [ ! -f "$VENV/.done-app" ]; then
        say "Semantic Photos is set up in $VENV; this happens once and takes a few minutes."
    fi
    set_up_system
    make_environment
    set_up_packages app "$ROOT/packaging/requirements.txt" "installing the Python packages"
    set_up_annoy
}

is_set_up() { # the quick look of every later start
    local stamps="$ROOT/packaging"
    [ -f "$MARK" ] && [ ! -f "$HALF" ] && [ -x "$VENV/bin/python" ] &&
        is_done app "$stamps/requirements.txt" &&
        is_done annoy "$stamps/requirements-build.txt" "$stamps/requirements-annoy.txt" &&
        { ! is_debian || { [ -f "$VENV/.done-system" ] && [ "$(cat "$VENV/.done-system")" = "${GUI_PACKAGES[*]}" ]; }; }
}

clean_python_settings() { # another Python's settings must not reach ours
    unset PYTHONHOME PYTHONPATH PYTHONSTARTUP
}
