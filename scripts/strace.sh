#!/usr/bin/env bash
# The tracer with which tests see every file that is made and every host that is asked: the system's own package.
#   strace.sh install   puts it in when it is missing; quick, and without a network, when it is not
# Exit codes: 0 it is there, 1 a step failed, 2 no such command, 3 it cannot be had on this machine.
set -euo pipefail
# shellcheck source=scripts/apt.sh
. "$(dirname "$0")/apt.sh"

install() {
    [[ -z $(type -P strace) ]] || return 0
    [[ -n $(type -P apt-get) ]] || die 3 "strace comes with apt-get, and this machine has none; install it yourself"
    ((EUID == 0)) || die 3 "only root can install strace; run: sudo scripts/strace.sh install"
    exec 9<"$0"
    flock 9 # another run can be at it
    open_work
    listed strace || refresh
    add strace
}

case ${1-} in
install) install ;;
*) die 2 "say install" ;;
esac
