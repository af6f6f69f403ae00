#!/bin/sh
# Puts the pinned Deno at .tools/bin/deno and fetches the dependencies of deno.lock. Needs npm, or that very Deno on
# the PATH; no root. Does nothing, quickly, when all is there. Safe to interrupt: every step is repeated until done.
set -eu

deno_version=2.9.6

cd "$(dirname "$0")/../.."
deno=.tools/bin/deno

fail() {
  echo "Cannot prepare Jangteo: $1" >&2
  exit 1
}

has_pinned_version() {
  [ -x "$1" ] && [ "$("$1" --version 2>/dev/null | sed -n '1s/^deno \([0-9.]*\).*/\1/p')" = "$deno_version" ]
}

# The registry holds one package per platform, with nothing but the binary in it.
platform_package() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) echo @deno/linux-x64-glibc ;;
    Linux-aarch64 | Linux-arm64) echo @deno/linux-arm64-glibc ;;
    Darwin-x86_64) echo @deno/darwin-x64 ;;
    Darwin-arm64) echo @deno/darwin-arm64 ;;
    *) fail "there is no Deno for $(uname -s) on $(uname -m)" ;;
  esac
}

install_deno() {
  on_path=$(command -v deno || true)
  mkdir -p .tools/bin
  if [ -n "$on_path" ] && [ "$on_path" != "$PWD/$deno" ] && has_pinned_version "$on_path"; then
    ln -sfn "$on_path" "$deno"
    return
  fi
  command -v npm >/dev/null ||
    fail "neither npm nor Deno $deno_version was found; on Debian and Ubuntu run: apt-get install nodejs npm"
  package=$(platform_package)
  echo "installing Deno $deno_version ($package, about 45 MB to fetch)"
  mkdir -p .tools/npm
  npm install --prefix .tools/npm --no-save --ignore-scripts --no-audit --no-fund --loglevel=error \
    "$package@$deno_version" >/dev/null || fail "npm could not install $package@$deno_version"
  ln -sfn "../npm/node_modules/$package/deno" "$deno"
  has_pinned_version "$deno" || fail "$package holds no working Deno $deno_version for this machine"
}

has_pinned_version "$deno" || install_deno

# Which deno.lock the dependencies were last fetched for.
fetched=.tools/fetched
wanted=$(cksum <deno.lock)
if [ "$(cat "$fetched" 2>/dev/null || true)" != "$wanted" ]; then
  echo "fetching dependencies"
  "$deno" install --frozen --quiet || fail "deno install --frozen failed"
  echo "$wanted" >"$fetched"
fi
