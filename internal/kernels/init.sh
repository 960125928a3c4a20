#!/bin/sh
# The first process of a kernel that run.sh boots. It makes sockets in each state,
# asks the program about them with and without tcp_diag, writes the answers to the
# second serial port, and turns the machine off.
export PATH=/bin:/sbin:/usr/bin HOME=/root TMPDIR=/tmp
if [ "$1" != asks ]; then
	mount -t proc proc /proc
	mount -t sysfs sys /sys
	mount -t devtmpfs dev /dev
	mount -t tmpfs tmp /tmp
	ip link set lo up
	stty -F /dev/ttyS1 raw
	exec >/dev/ttyS1 2>&1 </dev/null
	depmod
	modprobe veth
	echo "kernel $(uname -r)"
	labrun states -- sh /init asks
	echo "lab exit $?"
	poweroff -f
fi

# ask runs one command. Its answer is on one line: exit status, output, message.
ask() {
	timeout 100 tcpstate "$@" >/tmp/out 2>/tmp/err
	code=$?
	printf 'ask\t%s\t%s\t%s\t%s\t%s\n' "$mode" "$*" "$code" "$(tr '\n\t' '| ' </tmp/out | cut -c1-200)" "$(tr '\n\t' '| ' </tmp/err | cut -c1-300)"
}
asks() {
	for state in LISTEN ESTABLISHED CLOSE_WAIT CLOSE BOUND_INACTIVE; do
		for source in auto sock_diag procfs; do
			ask count -q --source $source --state $state
			ask ls -q -H --source $source --state $state
			ask watch --source $source --until '==0' --for 1ms --state $state
		done
	done
	ask count --json
}
mode=with
printf 'ss\t%s\n' "$(ss -tanHO | wc -l)"
printf 'ls\t%s\n' "$(tcpstate ls -q -H --state all | wc -l)"
asks
mode=without
rmmod mptcp_diag 2>/dev/null
rmmod tcp_diag
rmmod inet_diag
rm -rf /lib/modules
asks
