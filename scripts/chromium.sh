#!/usr/bin/env bash
# The browser the tests of the pages drive, on Debian: its own package, nothing from elsewhere.
#   chromium.sh install   puts it in when there is none; quick, and without a network, when there is
#   chromium.sh bin       prints its path, or says that it is missing
# Exit codes: 0 it is there, 1 it is missing or a step failed, 2 no such command, 3 it cannot be had on this machine.
set -euo pipefail
# shellcheck source=scripts/apt.sh
. "$(dirname "$0")/apt.sh"

found() { # the one that was named, else the first on the PATH; a stub that only tells how to get a snap is none
    local name path
    for name in ${OPEN_ANALYTIC_CHROMIUM:-chromium chromium-browser google-chrome}; do
        path=$(type -P "$name") || continue
        ! "$path" --version >/dev/null 2>&1 || {
            echo "$path"
            return
        }
    done
    return 1
}

bin() {
    found || die 1 "there is no Chromium; run as root: scripts/chromium.sh install"
}

install() {
    ! found >/dev/null || return 0
    [[ -n $(type -P apt-get) ]] || die 3 "Chromium comes with apt-get, and this machine has none; install it yourself"
    ((EUID == 0)) || die 3 "only root can install Chromium; run: sudo scripts/chromium.sh install"
    exec 9<"$0"
    flock 9 # another run may be at it
    ! found >/dev/null || return 0
    open_work
    listed chromium || refresh
    listed chromium || die 1 "the system's sources offer no chromium"
    add chromium
    found >/dev/null || bin
    say "$(found) is there"
}

case ${1-} in
install | bin) "$1" ;;
*) die 2 "say install or bin" ;;
esac
