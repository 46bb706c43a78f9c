#!/bin/sh
# Starts Alertmanager with every receiver whose secret is there; the others stay in the routes and send nothing.
#
# Usage: start.sh [OPTION OF ALERTMANAGER]...
#
# A receiver whose secret file is missing would fail on every notification, for ever. Nothing but busybox is needed.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
cd "$folder"  # paths of secrets are relative to the working directory
effective=$(mktemp -d)
ln -s "$folder/templates" "$effective/templates"  # paths of templates are relative to the configuration

say() { printf 'alertmanager: %s\n' "$1" >&2; }

# Writes the receiver that was read: whole, or its name alone when its secret cannot be used.
finish_receiver() {
    [ -n "$name" ] || return 0
    printf '%s\n' "$name"
    if [ -z "$unusable" ]; then
        printf '%s' "$body"
    else
        say "receiver '${name#*name: }' is off: $unusable"
    fi
    name='' body='' unusable=''
}

# Remembers why a file of a secret cannot be used.
check_secret() {
    if [ ! -e "$1" ]; then
        unusable="no $1"
    elif [ ! -r "$1" ]; then
        unusable="$1 cannot be read by user $(id -u) (chmod o+r)"
    elif [ ! -s "$1" ]; then
        unusable="$1 is empty"
    fi
}

name='' body='' unusable='' inside=''
{
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
            receivers:*) inside=yes ;;
            [!\ \#]*) finish_receiver; inside='' ;;
        esac
        case $inside$line in
            yes'  - name: '*) finish_receiver; name=$line; continue ;;
        esac
        if [ -n "$name" ]; then
            case $line in
                *_file:\ *) check_secret "${line#*_file: }" ;;
            esac
            body="$body$line
"
        else
            printf '%s\n' "$line"
        fi
    done
    finish_receiver
} <alertmanager.yml >"$effective/alertmanager.yml"

exec alertmanager --config.file="$effective/alertmanager.yml" "$@"
