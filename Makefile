# What people type; .ci/run is the same for machines.
.PHONY: build test check bench kernels docs

build:
	go build .

test:
	go test ./...

check:
	.ci/run

# Whole commands against ss and netstat, on sockets made in a private network
# namespace. Rewrites docs/performance.md; needs Linux, ss, netstat and quiet.
bench:
	go run ./internal/bench

# The program on Debian's kernels in qemu, from 5.10 to the newest. Rewrites
# docs/kernels.md; needs Debian with apt, ss and xz, and a few minutes.
kernels:
	internal/kernels/run.sh

# The generated parts of docs/.
docs:
	go generate ./...
