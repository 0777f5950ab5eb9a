#!/usr/bin/env bash
# The browser that the tests of the pages drive, and a Chinese font for what it draws: the system's own packages.
#   chromium.sh install   puts in what is missing; quick, and without a network, when nothing is
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

has_font() { [[ -n $(fc-list :lang=zh 2>/dev/null) ]]; }

bin() {
    found || die 1 "there is no Chromium; run as root: scripts/chromium.sh install"
}

install() {
    if found >/dev/null && { has_font || ((EUID)) || [[ -z $(type -P apt-get) ]]; }; then
        return # without the font only pictures of pages lack something
    fi
    [[ -n $(type -P apt-get) ]] || die 3 "Chromium comes with apt-get, and this machine has none; install it yourself"
    ((EUID == 0)) || die 3 "only root can install Chromium; run: sudo scripts/chromium.sh install"
    exec 9<"$0"
    flock 9 # another run may be at it
    open_work
    listed chromium || refresh
    found >/dev/null || add chromium
    has_font || add fontconfig fonts-wqy-microhei
    found >/dev/null || bin
    say "$(found) is there"
}

case ${1-} in
install | bin) "$1" ;;
*) die 2 "say install or bin" ;;
esac
