# Runs a PostgreSQL of its own, to be thrown away, until its input ends; $1 is the port. It says
# `ready FOLDER`, then answers each line `stop`, `start`, `create NAME [OPTIONS]`, `copy NAME NAME`,
# `certificate` or `sql NAME STATEMENT` with what comes of it and `done`.
set -u
cd /
for folder in "$(dirname "$(command -v initdb || echo none)")" /usr/lib/postgresql/*/bin; do
    [ -x "$folder/initdb" ] && [ -x "$folder/createdb" ] && bin=$folder
done
[ -n "${bin:-}" ] || exit 3
home=$(mktemp -d /tmp/assay-postgres.XXXXXX) || exit 1
stop() { "$bin/pg_ctl" -D "$home/data" -m immediate -s stop >/dev/null 2>&1; }
trap 'stop; rm -rf "$home"' EXIT
trap 'exit 1' HUP INT TERM
start() {
    "$bin/pg_ctl" -D "$home/data" -l "$home/log" -s -w start -o "-p $1 -k $home \
        -c listen_addresses=127.0.0.1 -c max_connections=200 -c shared_buffers=32MB \
        -c fsync=off -c full_page_writes=off -c ssl=$ssl \
        -c ssl_cert_file=$home/certificate -c ssl_key_file=$home/key" </dev/null
}
# It speaks TLS as 127.0.0.1 where a certificate can be made.
ssl=off
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test \
    -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
    -keyout "$home/key" -out "$home/certificate" 2>"$home/openssl" && ssl=on
# Through the socket anybody may be anyone; through TCP there is one password.
echo "the password" >"$home/password"
"$bin/initdb" -D "$home/data" -U assay --auth-local=trust --auth-host=scram-sha-256 \
    --pwfile="$home/password" --no-sync --encoding=UTF8 --locale=C >"$home/initdb" 2>&1 &&
    start "$1" || { cat "$home/initdb" "$home/log" >&2; exit 1; }
echo "ready $home"
while read -r verb name rest; do
    case $verb in
    stop) stop ;;
    start) start "$1" ;;
    # shellcheck disable=SC2086 # several options
    create) "$bin/createdb" -h "$home" -p "$1" -U assay $rest "$name" 2>&1 ;;
    copy)
        "$bin/pg_dump" -h "$home" -p "$1" -U assay -Fc "$name" 2>&1 >"$home/dump" &&
            "$bin/pg_restore" -h "$home" -p "$1" -U assay --no-owner -d "$rest" "$home/dump" 2>&1
        ;;
    certificate) [ $ssl = on ] && echo "$home/certificate" ;;
    sql) "$bin/psql" -h "$home" -p "$1" -U assay -qAt -d "$name" -c "$rest" 2>&1 ;;
    esac
    echo done
done
