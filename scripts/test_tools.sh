#!/usr/bin/env bash
# Programs that tests use, from the system's own packages: strace, with which they see every file that is made and
# every host that is asked, and pgbouncer, a pooler of connections.
#   test_tools.sh install   installs what is missing; quick, and without a network, when nothing is
# Exit codes: 0 it is there, 1 a step failed, 2 no such command, 3 it cannot be had on this machine.
set -euo pipefail
# shellcheck source=scripts/apt.sh
. "$(dirname "$0")/apt.sh"

install() {
    local missing=() tool
    for tool in strace pgbouncer; do
        [[ -n $(type -P "$tool") || -x /usr/sbin/$tool ]] || missing+=("$tool")
    done
    ((${#missing[@]})) || return 0
    [[ -n $(type -P apt-get) ]] || die 3 "this machine has no apt-get; install ${missing[*]} yourself"
    ((EUID == 0)) || die 3 "only root can install ${missing[*]}; run: sudo scripts/test_tools.sh install"
    exec 9<"$0"
    flock 9 # another run can be at it
    open_work
    for tool in "${missing[@]}"; do
        listed "$tool" || refresh
    done
    add "${missing[@]}"
}

case ${1-} in
install) install ;;
*) die 2 "say install" ;;
esac
