#!/usr/bin/env bash
# Build the image where no registry can be reached, and try it: its base comes from Debian's packages, not from a registry.
#
#   image.sh FOLDER [cuda|cpu]       root, `apt-get install buildah debootstrap`, 30 GB in FOLDER, half an hour
#
# The Containerfile itself is built, by buildah without a daemon (chroot, vfs). Then `mtbkd --help`, `mtbkd doctor` and a study
# run in it as its user, and its size is printed. A site's certificate (SSL_CERT_FILE) is lent to the build.
set -euo pipefail
here=$1 variant=${2:-cuda} root=$(cd "$(dirname "$0")/../.." && pwd)
study=${STUDY:-smoke}
mkdir -p "$here/conf"
cd "$here"
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs CONTAINERS_STORAGE_CONF=$here/conf/storage.conf
export CONTAINERS_REGISTRIES_CONF=$here/conf/registries.conf TMPDIR=$here
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/store"\nrunroot = "%s/run"\n' "$here" "$here" >conf/storage.conf
printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' >conf/policy.json
: >conf/registries.conf
trust=(--signature-policy "$here/conf/policy.json")

if ! buildah images -q localhost/debian:trixie >/dev/null 2>&1; then
    debootstrap --variant=minbase trixie base http://deb.debian.org/debian >debootstrap.txt
    rm -rf base/var/cache/apt/archives/*.deb base/var/lib/apt/lists/*
    container=$(buildah from "${trust[@]}" scratch)
    buildah add --quiet "$container" base / >/dev/null
    buildah commit --quiet --rm "${trust[@]}" "$container" localhost/debian:trixie >/dev/null
    rm -rf base
fi

lent=()
if [ -n "${SSL_CERT_FILE:-}" ]; then
    printf 'native-tls = true\n' >conf/uv.toml
    printf '[global]\ncert = /usr/local/share/ca-certificates/site.crt\n' >conf/pip.conf
    lent=(--volume "$here/conf/uv.toml:/etc/uv/uv.toml:ro" --volume "$here/conf/pip.conf:/etc/pip.conf:ro"
        --volume "$SSL_CERT_FILE:/usr/local/share/ca-certificates/site.crt:ro")
fi
buildah bud "${trust[@]}" --pull-never --network host "${lent[@]}" --build-arg BASE=localhost/debian:trixie \
    --build-arg VARIANT="$variant" --build-arg COMMIT="$(git -C "$root" rev-parse HEAD)" \
    --file "$root/Containerfile" --tag localhost/mtbkd:test "$root"

container=$(buildah from "${trust[@]}" --pull-never localhost/mtbkd:test)
trap 'buildah rm "$container" >/dev/null' EXIT
inside() { buildah run "$container" -- "$@"; }
echo "== user: $(inside id -u)"
inside mtbkd --help | head -n 3
inside mtbkd doctor --study "$study" || true
inside mtbkd run --study "$study" --cores all ${UNTIL:+--until "$UNTIL"}
echo "== labels: $(buildah inspect --format '{{.OCIv1.Config.Labels}}' localhost/mtbkd:test)"
echo "== size: $(inside du --summarize --human-readable --one-file-system / 2>/dev/null | cut -f1) (du -sh /)"
