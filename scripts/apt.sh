# shellcheck shell=bash
# Packages without side effects, sourced by other scripts: no setting of the system is changed, no database cluster is
# made, no service is started or stopped. What apt says goes to a log; a step that fails shows its part.
export LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 # needrestart would restart services

APT=(apt-get -o DPkg::Lock::Timeout=300 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 -o Acquire::Retries=2
    -o APT::Get::AllowUnauthenticated=false -o Acquire::AllowInsecureRepositories=false)
work='' log='' fresh=''

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

step() {
    say "$@"
    : >"$log"
}

# The log, then one line that says what is wrong: the last one.
die() {
    local code=$1
    shift
    [[ ! -s $log ]] || sed 's/^/  | /' "$log" >&2
    say "$@"
    exit "$code"
}

at_least() { [[ $(printf '%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

open_work() {
    work=$(mktemp -d) log=$work/log
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work" # apt fetches as an account of its own
    : >"$log"
    _silence
}

# The scripts of packages find these before the real ones.
_silence() {
    local name
    mkdir "$work/quiet"
    for name in pg_createcluster invoke-rc.d deb-systemd-invoke; do
        printf '#!/bin/sh\nexit 0\n' >"$work/quiet/$name"
        chmod 755 "$work/quiet/$name"
        "$work/quiet/$name" || die 1 "programs cannot run in $work; name another folder in TMPDIR"
    done
}

refresh() { # at most once
    [[ -z $fresh ]] || return 0
    step "reading the system's package lists"
    fresh=yes
    # Another vendor's broken source is no reason to stop: a package that is missing then is one.
    "${APT[@]}" update >>"$log" 2>&1 || say "apt-get update failed, at least in part; going on with the lists there are"
}

listed() { [[ -n $(apt-cache madison "$1" 2>>"$log") ]]; } # in a source, not just installed
present() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }
candidate() { apt-cache policy "$1" 2>>"$log" | sed -n 's/^ *Candidate: *//p' | grep -vxF '(none)'; }

add() { # those packages that are not there
    local package missing=()
    for package; do
        present "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    step "installing ${missing[*]}"
    _add "${missing[@]}" && return
    [[ -z $fresh ]] || die 1 "apt-get could not install ${missing[*]}; see above"
    refresh # the lists may name files that the mirror has replaced
    _add "${missing[@]}" || die 1 "apt-get could not install ${missing[*]}; see above"
}

_add() {
    "${APT[@]}" -o DPkg::Path="$work/quiet:/usr/sbin:/usr/bin:/sbin:/bin" -o DPkg::Options::=--force-confold \
        install --yes --no-install-recommends "$@" >>"$log" 2>&1 </dev/null
}

# The original source of a package in a newer release of the system, unpacked in $work/source. The configuration is one
# of its own, the mirror the one the system uses, the signature checked with the system's keys.
fetch_source() {
    local package=$1 own ID='' VERSION_CODENAME='' suite components keyring mirror
    # shellcheck source=/dev/null
    . /etc/os-release
    case $ID in
    debian) suite=trixie components=main ;;
    ubuntu) suite=resolute components='main universe' ;;
    *) die 3 "a newer $package is known for Debian and Ubuntu, and this is ${ID:-neither}; install it yourself" ;;
    esac
    keyring=/usr/share/keyrings/$ID-archive-keyring.gpg
    [[ -r $keyring ]] || die 1 "$keyring is missing; install the package with the keys of $ID's archive"
    mirror=$("${APT[@]}" update --print-uris 2>>"$log" |
        sed -n "s|^'\(.*\)/dists/$VERSION_CODENAME/InRelease'.*|\1|p" | head -n 1)
    [[ -n $mirror ]] || die 1 "the system's sources name no mirror of $ID $VERSION_CODENAME; add it to them"
    step "fetching the source of $package from $ID $suite"
    mkdir -p "$work"/{parts,lists/partial,cache/archives/partial,source}
    printf '%s\n' 'Types: deb-src' "URIs: $mirror" "Suites: $suite" "Components: $components" "Signed-By: $keyring" \
        >"$work/parts/own.sources"
    own=(-o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/parts"
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache")
    {
        "${APT[@]}" "${own[@]}" --error-on=any update &&
            (cd "$work" && "${APT[@]}" "${own[@]}" source --tar-only "$package") &&
            tar -xf "$work/$package"_*.orig.tar.* -C "$work/source" --strip-components=1
    } >>"$log" 2>&1 || die 1 "the source of $package could not be fetched from $ID $suite; see above"
}
