#!/usr/bin/env bash
# Boots Debian's kernels in qemu, makes sockets in each state on each of them, asks
# the program about them with and without the modules of sock_diag, and writes
# docs/kernels.md from the answers.
#
#   internal/kernels/run.sh [RELEASE...]     such as 5.10 or 6.1; without one, all
#
# It needs Debian with apt, or another system with apt and the address of an archive of
# Debian in MIRROR; and Go, ss and xz. It installs nothing: apt has a
# sources list and folders of its own, and packages are unpacked. KERNELS is the
# folder for all that (default: the user's cache folder); a second run uses what is
# there. Packages that cannot be had make a kernel "not run" in the page.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${KERNELS:-${XDG_CACHE_HOME:-$HOME/.cache}/tcpstate-kernels}
mkdir -p "$folder"/{lists/partial,archives/partial,tools,bin,results}
folder=$(cd "$folder" && pwd)
say() { printf '== %s\n' "$*" >&2; }

# Each kernel: the version, and the suite of Debian that has it.
kernels="5.10 bullseye-security
6.1 bookworm-security
6.12 trixie
newest trixie-backports"

# mirror prints the address of Debian's archive that apt of this host uses.
mirror() {
	if [ -n "${MIRROR:-}" ]; then
		echo "${MIRROR%/}"
		return
	fi
	local uri
	uri=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' | sed -n 's,^Debian Debian \(.*[^/]\)/*$,\1,p' | sort -u | head -n 1)
	[ -n "$uri" ] || { say "apt of this host knows no archive of Debian: give its address in MIRROR"; exit 1; }
	echo "$uri"
}

apt_options() { # SUITE STATUS
	local base
	base=$(mirror)
	case $1 in *-security) base=$base-security ;; esac
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$base" "$1" >"$folder/$1.list"
	printf '%s\n' -qq -o "Dir::Etc::SourceList=$folder/$1.list" -o Dir::Etc::SourceParts=/dev/null \
		-o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder" -o "Dir::State::Status=$2" \
		-o APT::Sandbox::User="$(id -un)" -o APT::Get::List-Cleanup=0
}

# fetch_kernel unpacks the newest kernel of a suite into $folder/VERSION.
fetch_kernel() { # VERSION SUITE
	[ -e "$folder/$1/done" ] && return
	local options meta
	mapfile -t options < <(apt_options "$2" /dev/null)
	apt-get "${options[@]}" update || return
	# The meta package depends on the image, and newer images on their parts.
	depends() { apt-cache "${options[@]}" depends --no-recommends --no-suggests "$1" | sed -n 's/^ *Depends: \(linux-\(image\|binary\|modules\)-[0-9].*\)/\1/p'; }
	meta=$(depends linux-image-cloud-amd64)
	[ -n "$meta" ] || return
	rm -rf "${folder:?}/$1"
	mkdir -p "$folder/$1"
	for package in $meta $(depends "$meta"); do
		(cd "$folder/archives" && apt-get "${options[@]}" download "$package") || return
		dpkg -x "$(ls -t "$folder"/archives/"${package}"_*.deb | head -n 1)" "$folder/$1" || return
	done
	touch "$folder/$1/done"
}

# fetch_tools unpacks qemu and busybox of the running system into $folder/root.
fetch_tools() {
	[ -e "$folder/root/done" ] && return
	local options
	mapfile -t options < <(apt_options "$(. /etc/os-release && echo "$VERSION_CODENAME")" /var/lib/dpkg/status)
	apt-get "${options[@]}" update
	apt-get "${options[@]}" -o "Dir::Cache::Archives=$folder/tools/" --no-install-recommends --reinstall -y -d install qemu-system-x86 busybox-static
	mkdir -p "$folder/root"
	for package in "$folder"/tools/*.deb; do dpkg -x "$package" "$folder/root"; done
	touch "$folder/root/done"
}

# build builds the program and the lab without cgo, so that they need no library.
build() {
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$folder/bin/tcpstate" .
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$folder/bin/labrun" ./internal/lab/run
}

# initramfs makes the first file system of a kernel: busybox, ss with its libraries,
# the program, the lab, and the modules of the network.
initramfs() { # VERSION
	local from=$folder/$1 to=$folder/initramfs release file
	rm -rf "$to"
	mkdir -p "$to"/{bin,sbin,proc,sys,dev,tmp,run,root,etc,work,usr/bin}
	cp "$folder/root/bin/busybox" "$to/bin/"
	"$to/bin/busybox" --install -s "$to/bin"
	for file in "$to"/bin/*; do if [ -L "$file" ]; then ln -sf /bin/busybox "$file"; fi; done
	ln -s /bin/busybox "$to/sbin/modprobe"
	cp "$folder"/bin/* "$to/bin/"
	for file in "$(command -v ss)" $(ldd "$(command -v ss)" | grep -o '/[^ ]*'); do
		mkdir -p "$to$(dirname "$file")"
		cp -L "$file" "$to$file"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\n' >"$to/etc/passwd"
	printf '127.0.0.1 localhost\n' >"$to/etc/hosts"
	release=$(basename "$(dirname "$(find "$from" -regex '.*/modules/[^/]*/kernel' -type d)")")
	for file in $(find "$from" -path '*/kernel/*' -regextype egrep -regex '.*/(tcp_diag|inet_diag|mptcp_diag|veth|dummy|af_packet|tcp_bbr|tls|tun)\.ko(\.xz)?'); do
		mkdir -p "$to/lib/modules/$release/kernel"
		cp "$file" "$to/lib/modules/$release/kernel/"
	done
	find "$to/lib/modules" -name '*.xz' -exec xz -d {} +
	cp internal/kernels/init.sh "$to/init"
	chmod +x "$to/init"
	(cd "$to" && find . | "$folder/root/bin/busybox" cpio -o -H newc 2>/dev/null | gzip -1) >"$folder/initramfs.gz"
}

# boot runs a kernel by software emulation. The second serial port takes the answers.
boot() { # VERSION
	local libraries=$folder/root/usr/lib/x86_64-linux-gnu:$folder/root/lib/x86_64-linux-gnu kernel
	kernel=$(find "$folder/$1" -name 'vmlinuz*' -type f | head -n 1)
	LD_LIBRARY_PATH=$libraries timeout "${KERNELS_LIMIT:-900}" nice "$folder/root/usr/bin/qemu-system-x86_64" \
		-L "$folder/root/usr/share/qemu" -L "$folder/root/usr/share/seabios" \
		-accel tcg -m 1024 -nographic -nodefaults -no-reboot \
		-kernel "$kernel" -initrd "$folder/initramfs.gz" -append "console=ttyS0 quiet panic=-1" \
		-serial "file:$folder/results/$1.console" -serial "file:$folder/results/$1.txt" </dev/null || true
}

wanted=$*
if [ -z "${KERNELS_ONLY_PAGE:-}" ]; then
	say tools
	fetch_tools
	say build
	[ -n "${KERNELS_BUILT:-}" ] || build
	while read -r version suite; do
		if [ -n "$wanted" ] && [[ " $wanted " != *" $version "* ]]; then continue; fi
		rm -f "$folder/results/$version".*
		if ! fetch_kernel "$version" "$suite"; then
			say "$version of $suite cannot be had"
			printf 'not run: %s has no such kernel here\n' "$suite" >"$folder/results/$version.txt"
			continue
		fi
		initramfs "$version"
		say "$version"
		boot "$version"
	done <<<"$kernels"
fi
[ -n "${KERNELS_NO_PAGE:-}" ] || go run ./internal/kernels "$folder/results" >docs/kernels.md
