#!/usr/bin/env bash
# A PostgreSQL with plpython3u and pgvector for development and CI, on Debian and Ubuntu, from the system's own sources.
#   plpython.sh install   puts in what is missing; quick, and without a network, when nothing is
#   plpython.sh bin       prints the folder with postgres, initdb and psql, or says what is missing
# Exit codes: 0 it is there, 1 it is missing or a step failed, 2 no such command, 3 it cannot be had on this machine.
set -euo pipefail
# shellcheck source=scripts/apt.sh
. "$(dirname "$0")/apt.sh"

PGVECTOR=0.8 # the oldest that will do
SERVERS=/usr/lib/postgresql
SHARED=/usr/share/postgresql

installed() { # major versions, newest first
    local postgres
    for postgres in "$SERVERS"/*/bin/postgres; do
        [[ ! -x $postgres ]] || basename "${postgres%/bin/postgres}"
    done | sort -rn
}

has_plpython() { [[ -e $SERVERS/$1/lib/plpython3.so && -e $SHARED/$1/extension/plpython3u.control ]]; }

has_pgvector() {
    local control=$SHARED/$1/extension/vector.control
    [[ -e $control && -e $SERVERS/$1/lib/vector.so ]] || return 1
    at_least "$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" "$control")" "$PGVECTOR"
}

complete() { # the newest version that has both
    local version
    for version in $(installed); do
        if has_plpython "$version" && has_pgvector "$version"; then
            echo "$version"
            return
        fi
    done
    return 1
}

bin() {
    local version lacking=''
    if version=$(complete); then
        echo "$SERVERS/$version/bin"
        return
    fi
    version=$(installed | head -n 1)
    [[ -n $version ]] || die 1 "there is no PostgreSQL in $SERVERS; run as root: scripts/plpython.sh install"
    has_plpython "$version" || lacking='plpython3u'
    has_pgvector "$version" || lacking+="${lacking:+ and }pgvector >= $PGVECTOR"
    die 1 "PostgreSQL $version lacks $lacking; run as root: scripts/plpython.sh install"
}

wanted() { # the newest one installed that plpython3u can be had for, else the distribution's
    local version
    for version in $(installed) $(apt-cache depends postgresql | sed -n 's/^ *Depends: postgresql-\([0-9]*\)$/\1/p'); do
        if has_plpython "$version" || listed "postgresql-plpython3-$version"; then
            echo "$version"
            return
        fi
    done 2>>"$log"
    return 1
}

add_pgvector() {
    local package=postgresql-$1-pgvector
    if at_least "$(candidate "$package" || echo 0)" "$PGVECTOR"; then
        add "$package"
        return
    fi
    ! present "$package" || die 1 "the package $package is older than $PGVECTOR; apt-get remove it, then run this again"
    add gcc libc6-dev make "postgresql-server-dev-$1"
    fetch_source pgvector
    step "building pgvector for PostgreSQL $1"
    # OPTFLAGS= : for any processor, not just this one. with_llvm=no : no bitcode, nothing here is inlined.
    make -C "$work/source" OPTFLAGS= with_llvm=no PG_CONFIG="$SERVERS/$1/bin/pg_config" \
        all install >>"$log" 2>&1 || die 1 "pgvector could not be built; see above"
}

install() {
    local version
    ! complete >/dev/null || return 0
    [[ -n $(type -P apt-get) ]] || die 3 "plpython3u comes with apt-get, and this machine has none; use Debian or Ubuntu"
    ((EUID == 0)) || die 3 "only root can install plpython3u; run: sudo scripts/plpython.sh install"
    exec 9<"$0"
    flock 9 # another run may be at it
    ! complete >/dev/null || return 0
    open_work
    listed postgresql || refresh
    version=$(wanted) || { refresh && version=$(wanted); } || die 1 "the system's sources offer no postgresql-plpython3-N"
    has_plpython "$version" || add "postgresql-$version" "postgresql-plpython3-$version"
    has_pgvector "$version" || add_pgvector "$version"
    complete >/dev/null || bin
    say "PostgreSQL $version has plpython3u and pgvector"
}

case ${1-} in
install | bin) "$1" ;;
*) die 2 "say install or bin" ;;
esac
