#!/bin/bash
# Checks the crate for systems this machine is not, and runs its Windows tests under Wine.
#
#   .ci/cross.sh check          type-check every target of the crate for Windows, macOS and FreeBSD
#   .ci/cross.sh wine [ARGS]    build the tests for Windows and run them; ARGS go to the test binaries
#   .ci/cross.sh setup          only fetch and unpack the tools; the two above do it if need be
#
# It wants Debian 12 on amd64, root (for `apt-get update`), cargo from rustup, and 3 GB below X, by default target/cross.
# Nothing is installed: packages are fetched and unpacked below X, and removing X removes it all. Four minutes the first time.
#
# Why not `rustup target add`: it needs a linker and C headers for each system to run anything, and has no FreeBSD of the
# compiler we check with. Debian's compiler comes with the source of its own std, which cargo builds for any target.
set -Eeuo pipefail
trap 'echo "cross.sh: failed at line $LINENO: $BASH_COMMAND" >&2' ERR

crate=$(cd "$(dirname "$0")/.." && pwd)
X=${X:-$crate/target/cross}
mkdir -p "$X"
X=$(cd "$X" && pwd)
root=$X/root
lib=$root/usr/lib/x86_64-linux-gnu
windows=x86_64-pc-windows-gnu
targets=${TARGETS:-$windows x86_64-apple-darwin x86_64-unknown-freebsd}
std=(-Zbuild-std=std,panic_unwind,test)

die() {
    echo "cross.sh: $*" >&2
    exit 1
}

# Says what is done and how long it took. Not to be used in a condition: bash would ignore failures inside.
step() {
    local name=$1 start=$SECONDS
    shift
    echo "## $name"
    "$@"
    echo "## $name: done in $((SECONDS - start)) s"
}

# Mirrors fail now and then.
three_times() {
    local try
    for try in 1 2 3; do
        if "$@"; then
            return 0
        fi
        echo "cross.sh: try $try of 3 failed: $*" >&2
        sleep $((try * 5))
    done
    die "gave up: $*"
}

# The first dependency of package $1 whose name starts with $2: versions are part of the names.
dependency() {
    local found
    found=$(apt-cache depends "$1" | awk -v start="$2" '!found && /Depends:/ && index($2, start) == 1 { print $2; found = 1 }')
    [ -n "$found" ] || die "$1 depends on no $2…: is this Debian 12?"
    echo "$found"
}

fetch() {
    [ "$(dpkg --print-architecture)" = amd64 ] || die "only amd64 is supported"
    [ "$(id -u)" = 0 ] || die "run it as root: apt-get update needs it"
    three_times apt-get update -qq
    local libstd llvm
    libstd=$(dependency libstd-rust-web-dev libstd-rust-web-)
    llvm=$(dependency "$libstd" libllvm)
    mkdir -p "$X/debs"
    cd "$X/debs"
    # The sandbox user of apt may not write here.
    three_times apt-get -o APT::Sandbox::User=root download -qq \
        rustc-web rust-web-src libstd-rust-web-dev "$libstd" "$llvm" \
        gcc-mingw-w64-x86-64-win32 gcc-mingw-w64-x86-64-win32-runtime gcc-mingw-w64-base \
        binutils-mingw-w64-x86-64 mingw-w64-x86-64-dev mingw-w64-common \
        wine64 libwine libz-mingw-w64
    cd "$crate"
}

unpack() {
    local deb
    mkdir -p "$root"
    for deb in "$X"/debs/*.deb; do
        case $deb in
        # Of the compiler's source only the library is of use.
        */rust-web-src_*)
            dpkg-deb --fsys-tarfile "$deb" |
                tar -x -C "$root" --wildcards './usr/src/rustc-*/library/*' './usr/lib/rustlib/src*'
            ;;
        *) dpkg -x "$deb" "$root" ;;
        esac
    done
    # 32 bits and manuals are not needed.
    rm -rf "$lib/wine/i386-windows" "$root/usr/i686-w64-mingw32" "$root/usr/share/doc"
}

# Small programs with absolute paths in front of what was unpacked at another place than it was built for.
wrap() {
    mkdir -p "$X/bin"
    local tool
    for tool in rustc rustdoc; do
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$lib" "$root/usr/bin/$tool" >"$X/bin/$tool"
    done
    printf '#!/bin/sh\nexec %s "$@"\n' "$root/usr/bin/x86_64-w64-mingw32-gcc-win32" >"$X/bin/mingw-gcc"
    # -p0: the server goes as soon as its last program does, so that nothing is left running.
    printf '#!/bin/sh\nexec %s -p0 "$@"\n' "$root/usr/lib/wine/wineserver64" >"$root/usr/lib/wine/wineserver"
    cat >"$X/bin/wine-run" <<END
#!/bin/sh
export LD_LIBRARY_PATH=$lib WINEPREFIX=$X/wine WINEDEBUG=\${WINEDEBUG:--all}
export WINEDLLOVERRIDES='mscoree=;mshtml=;winemenubuilder.exe='
exec $root/usr/lib/wine/wine64 "\$@"
END
    chmod +x "$X"/bin/* "$root/usr/lib/wine/wineserver"
}

# What the packages expect of the system itself.
no_library_is_missing() {
    local missing
    missing=$(LD_LIBRARY_PATH=$lib ldd "$root/usr/bin/rustc" "$root"/usr/lib/gcc/x86_64-w64-mingw32/*-win32/cc1 \
        "$root/usr/lib/wine/wine64" | awk '/not found/ { print $1 }' | sort -u)
    [ -z "$missing" ] || die "install what has these libraries:" $missing
}

# A Windows for the tests, with two libraries that Wine 8 lacks.
make_prefix() {
    local system32=$X/wine/drive_c/windows/system32
    mkdir -p "$system32"
    # user32 needs it; the package's own script, which did not run, would have put it there.
    cp "$root/usr/x86_64-w64-mingw32/lib/zlib1.dll" "$system32/"
    # Rust's std takes its random numbers from here.
    cat >"$X/random.c" <<'END'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(void *, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *to, SIZE_T left) {
    while (left > 0) {
        ULONG part = left < 65536 ? (ULONG)left : 65536;
        if (!SystemFunction036(to, part)) return FALSE;
        to += part;
        left -= part;
    }
    return TRUE;
}
END
    "$X/bin/mingw-gcc" -O2 -shared -o "$system32/bcryptprimitives.dll" "$X/random.c" -ladvapi32
    timeout 300 "$X/bin/wine-run" wineboot -i
}

setup() {
    step "fetch the packages" fetch
    step "unpack them" unpack
    wrap
    no_library_is_missing
    step "make a Windows" make_prefix
    "$X/bin/rustc" -V
    "$X/bin/wine-run" --version
    touch "$X/ready"
}

# The compiler, the linker and the runner, as cargo looks for them.
use_tools() {
    [ -e "$X/ready" ] || setup
    export RUSTC=$X/bin/rustc RUSTDOC=$X/bin/rustdoc RUSTC_BOOTSTRAP=1
    # rustc calls mingw's dlltool, which looks for the assembler beside itself.
    export PATH=$X/bin:$root/usr/bin:$PATH
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=$X/bin/mingw-gcc
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$X/bin/wine-run
    export CARGO_TARGET_DIR=$X/target
    cd "$crate"
}

check() {
    use_tools
    local target
    for target in $targets; do
        step "check for $target" cargo check --locked --all-targets "${std[@]}" --target "$target"
    done
}

wine() {
    use_tools
    # Without debug information the links take a third of the time.
    export CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0
    local for_windows=(--locked "${std[@]}" --target "$windows")
    # The tests run the examples; asking `cargo test` for them would build them as tests.
    step "build the examples for $windows" cargo build --examples "${for_windows[@]}"
    step "build the tests" cargo test --lib --tests --no-run "${for_windows[@]}"
    # What Wine cannot show the tests find out by themselves, and say so. Doc tests cannot be run for another system.
    step "run under Wine" timeout 900 cargo test --lib --tests --no-fail-fast "${for_windows[@]}" -- "$@"
}

case ${1:-} in
setup | check | wine) "$@" ;;
*) die "say setup, check or wine; the head of this file explains" ;;
esac
