#!/bin/sh
# Makes the files of secrets that deploy/compose.yaml and deploy/compose.nats.yaml give to their containers:
#   sh deploy/secrets.sh                    # with the Stream app's secret, which it asks for
#   sh deploy/secrets.sh --without-stream   # for the sandbox
# Files that are there stay as they are. The folder keeps others out; the files can be read by user 10001, who the bot is.
set -eu
umask 077
folder="$(dirname "$0")/secrets"
mkdir -p "$folder"
chmod 700 "$folder"

keep() { # NAME VALUE: write a file that is not there yet
    [ -s "$folder/$1" ] || printf '%s\n' "$2" > "$folder/$1"
    chmod 444 "$folder/$1"
}

if [ "${1:-}" != --without-stream ] && [ ! -s "$folder/stream_api_secret" ]; then
    printf 'Secret of the Stream app: ' >&2
    if [ -t 0 ]; then stty -echo; fi
    read -r secret
    if [ -t 0 ]; then stty echo; echo >&2; fi
    [ -n "$secret" ] || { echo "Nothing was given. Your Stream dashboard has it." >&2; exit 1; }
    keep stream_api_secret "$secret"
fi
keep postgres_password "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
keep database_url "postgresql://postgres:$(cat "$folder/postgres_password")@postgres:5432/postgres"
