#!/bin/sh
# Installs claude-slack-hook for this user: finds the platform, checks the archive's SHA-256 before it unpacks anything, and
# puts one executable into ~/.local/bin. Needs no root.
#
#   install.sh --from DIR-OR-URL [--to DIR]
#
# DIR-OR-URL holds SHA256SUMS and the archives, as scripts/package.mjs writes them. The sums tell of damage on the way; where they
# come from has to be trusted, so an address must be https (or this machine's own).
set -eu

fail() {
  echo "install.sh: $1" >&2
  exit 1
}

from=
to=${HOME:?}/.local/bin
while [ $# -gt 0 ]; do
  case $1 in
    --from | --to)
      [ $# -ge 2 ] || fail "Expected a value for $1, got none"
      [ -n "$2" ] || fail "Expected a value for $1, got none"
      if [ "$1" = --from ]; then from=$2; else to=$2; fi
      shift 2
      ;;
    *) fail "Expected --from DIR-OR-URL and --to DIR, got $1" ;;
  esac
done
[ -n "$from" ] || fail 'Expected --from with a directory or an address, got none'
from=${from%/}

case $(uname -s) in
  Linux) os=linux ;;
  Darwin) os=darwin ;;
  *) fail "Expected Linux or macOS, got $(uname -s)" ;;
esac
case $(uname -m) in
  x86_64 | amd64) cpu=x64 ;;
  aarch64 | arm64) cpu=arm64 ;;
  *) fail "Expected an x86-64 or arm64 processor, got $(uname -m)" ;;
esac
# Under Rosetta a shell of Apple silicon says x86_64.
if [ "$os-$cpu" = darwin-x64 ] && [ "$(sysctl -n hw.optional.arm64 2>/dev/null || echo 0)" = 1 ]; then cpu=arm64; fi
libc=
# musl's ldd says its name, and fails.
if [ "$os" = linux ] && { ldd --version 2>&1 || true; } | grep -qi musl; then libc=-musl; fi
platform=$os-$cpu$libc

work=$(mktemp -d "${TMPDIR:-/tmp}/claude-slack-hook.XXXXXX")
fresh=
trap 'rm -rf "$work" ${fresh:+"$fresh"}' EXIT
trap 'exit 1' HUP INT TERM

fetch() {
  case $from in
    # What stands before an @ is no host.
    *://*@*) fail "Expected an address without a user, got $from" ;;
    https://* | http://127.0.0.1[:/]* | http://localhost[:/]*)
      if command -v curl >/dev/null 2>&1; then
        # A redirection to http would lead to whoever is on the way.
        curl --fail --silent --show-error --location --proto-redir =https --output "$2" "$from/$1"
      elif command -v wget >/dev/null 2>&1; then
        wget -q -O "$2" "$from/$1"
      else
        fail 'Expected curl or wget, got neither'
      fi
      ;;
    *://*) fail "Expected an https address, got $from" ;;
    *) cp -- "$from/$1" "$2" ;;
  esac || fail "Cannot get $1 from $from"
}

sum_of() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d ' ' -f 1
}

fetch SHA256SUMS "$work/SHA256SUMS"
# A version begins with a digit, so the archive of another libc does not match.
line=$(grep -E "^[0-9a-f]{64}  claude-slack-hook-$platform-[0-9][0-9A-Za-z.+-]*\.tgz\$" "$work/SHA256SUMS") ||
  fail "Expected an archive for $platform in SHA256SUMS, got none"
[ "$(printf '%s\n' "$line" | wc -l)" -eq 1 ] || fail "Expected one archive for $platform in SHA256SUMS, got several"
archive=${line#*  }
fetch "$archive" "$work/archive.tgz"
sum=$(sum_of "$work/archive.tgz")
[ "$sum" = "${line%% *}" ] || fail "Expected $archive with the SHA-256 ${line%% *}, got $sum"

tar -xzf "$work/archive.tgz" -C "$work" package/bin/claude-slack-hook
mkdir -p -- "$to"
[ ! -d "$to/claude-slack-hook" ] || fail "Expected $to/claude-slack-hook to be a program, got a directory"
# Beside its place: a rename there leaves no moment without a program, and a running one untouched.
fresh=$(mktemp "$to/.claude-slack-hook.XXXXXX")
cp -- "$work/package/bin/claude-slack-hook" "$fresh"
chmod 755 "$fresh"
version=$("$fresh" --version) || fail "The executable for $platform does not run here"
mv -f -- "$fresh" "$to/claude-slack-hook"
fresh=

echo "Installed claude-slack-hook $version: $to/claude-slack-hook"
case :$PATH: in
  *":$to:"*) ;;
  *) echo "$to is not in PATH; hooks name the program by its whole path anyway." ;;
esac
