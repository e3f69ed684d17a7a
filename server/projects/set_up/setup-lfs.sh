#!/bin/sh
# Sets a clone of this project up for its large files (Git LFS). Run it in the clone:
#
#   sh setup-lfs.sh                    on Windows: double-click setup-lfs.cmd
#   sh setup-lfs.sh --check            change nothing; status 1 when something is missing
#   sh setup-lfs.sh --pull '03_Renders/Chapter_01/**'    fetch these files afterwards ('*': all)
#   sh setup-lfs.sh --url ADDRESS      take large files from there, not from where the clone came from ('': from there again)
#   sh setup-lfs.sh --in FOLDER        set up another repository
set -u

folder=$(dirname "$0")
check=no pull='' url='' url_given=no problems=0
usage='usage: sh setup-lfs.sh [--check] [--url ADDRESS] [--pull PATTERN] [--in FOLDER]'
while [ $# -gt 0 ]; do
  case $1 in
    --check) check=yes; shift; continue ;;
    --url | --pull | --in) [ $# -gt 1 ] || { echo "$usage" >&2; exit 2; } ;;
    *) echo "$usage" >&2; exit 2 ;;
  esac
  case $1 in
    --url) url=$2 url_given=yes ;;
    --pull) pull=$2 ;;
    --in) folder=$2 ;;
  esac
  shift 2
done

say() { printf '%s\n' "$*"; }
missing() { say "MISSING  $*"; problems=1; }
# Addresses may carry a token, and what is printed here is shown to others for help.
without_secrets() { sed 's#//[^/@ ]*@#//#'; }

case $(uname -s) in
  Darwin) system=mac how='brew install git-lfs' keeper='git config --global credential.helper osxkeychain' ;;
  MINGW* | MSYS* | CYGWIN*)
    system=windows how='install Git for Windows, which brings it: https://gitforwindows.org'
    keeper='git config --global credential.helper manager' ;;
  *)
    system=linux how='apt install git-lfs, dnf install git-lfs, or https://git-lfs.com'
    keeper="git config --global credential.helper 'cache --timeout=36000'" ;;
esac

cd -- "$folder" 2>/dev/null || { missing "There is no folder $folder."; exit 1; }
git rev-parse --git-dir >/dev/null 2>&1 || { missing 'This folder is no clone. Clone the project with git, then run this there.'; exit 1; }
if ! git lfs version >/dev/null 2>&1; then
  missing "Git LFS is not installed on this machine, so large files stay pointers. Install it ($how), then run this again."
  exit 1
fi
say "ok       $(git lfs version | cut -d ' ' -f 1)"

if [ "$check" = no ]; then
  # A hook of somebody else's is theirs: git-lfs says so and how to join both.
  git lfs install --local >/dev/null || problems=1
  [ "$system" != windows ] || git config core.longpaths true
  [ "$system" != mac ] || git config core.precomposeunicode true
  if [ "$url_given" = yes ]; then
    if [ -n "$url" ]; then git config lfs.url "$url"; else git config --unset lfs.url; fi
  fi
fi

if [ -n "$(git config filter.lfs.clean)" ] && [ -n "$(git config filter.lfs.process)" ]; then
  say 'ok       large files become pointers in commits and files again in the folder'
else
  missing 'Git does not hand large files to Git LFS here. Run this without --check.'
fi
if grep -q 'git.lfs' "$(git rev-parse --git-path hooks/pre-push)" 2>/dev/null; then
  say 'ok       a push brings its large files along'
else
  missing 'A push would leave its large files behind. Run this without --check.'
fi

from=$(git lfs env | sed -n 's/^Endpoint\(([^)]*)\)\{0,1\}=//p' | head -n 1 | without_secrets)
if [ -n "$from" ]; then say "ok       large files come from ${from% (auth=*}"; else say 'note     no remote yet: large files are in this folder alone'; fi
case $from in
  http*)
    if [ -z "$(git config credential.helper)" ]; then
      say "note     Git asks for your name and token each time. To let it remember them: $keeper"
    fi ;;
esac

if [ -n "$pull" ]; then
  git lfs pull --include "$pull" || problems=1
fi
pointers=$(git lfs ls-files 2>/dev/null | cut -d ' ' -f 2 | grep -c '^-')
[ "$pointers" = 0 ] || say "note     $pointers large files are still to be fetched: git lfs pull, or only some: git lfs pull --include 'PATTERN'"
exit $problems
