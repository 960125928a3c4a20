# What people type; .ci/run is the same for machines.
.PHONY: build test check bench docs

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

# The generated parts of docs/.
docs:
	go generate ./...
