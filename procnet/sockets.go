package procnet

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"strings"

	"tcpstate/tcp"
)

// longestLine bounds a line, its newline included. The kernel's are 150 bytes
// for IPv4 and fewer than 300 for IPv6, and one read of net/tcp brings at most
// a page of them (seq_read_iter, fs/seq_file.c).
const longestLine = 16 << 10

// header is how the first line begins; %s is rem_address in net/tcp and
// remote_address in net/tcp6.
const header = "sl local_address %s st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode"

// parseSockets yields the sockets of r, which reads net/tcp or net/tcp6. order
// is the byte order of the host that wrote it. The Socket is reused. There is
// at most one error, without its File, and it comes last.
func parseSockets(r io.Reader, family tcp.Family, order binary.ByteOrder) iter.Seq2[*tcp.Socket, *ReadError] {
	return func(yield func(*tcp.Socket, *ReadError) bool) {
		lines := bufio.NewReaderSize(r, longestLine)
		parser := lineParser{family: family, order: order}
		for number := 1; ; number++ {
			line, err := nextLine(lines)
			if err == io.EOF && number > 1 {
				return
			}
			switch {
			case err == io.EOF:
				err = parseHeader(nil) // an empty file
			case err != nil:
			case number == 1:
				err = parseHeader(line)
			default:
				err = parser.parse(line)
			}
			if err != nil {
				yield(nil, &ReadError{Line: number, Err: err})
				return
			}
			if number > 1 && !yield(&parser.socket, nil) {
				return
			}
		}
	}
}

// nextLine returns the next line without its newline, valid until the next
// call. A last line need not have one; after it comes io.EOF.
func nextLine(lines *bufio.Reader) ([]byte, error) {
	line, err := lines.ReadSlice('\n')
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case err == io.EOF && len(line) > 0:
		return line, nil
	case err == bufio.ErrBufferFull:
		return nil, &ValueError{What: "line", Text: string(line), Problem: "too long"}
	}
	return nil, cause(err)
}

// parseHeader checks that line names the columns that parse reads: a file that
// begins otherwise is another file. More columns may follow.
func parseHeader(line []byte) error {
	words := strings.FieldsFunc(string(line), func(r rune) bool { return r == ' ' })
	for _, remote := range []string{"rem_address", "remote_address"} {
		if strings.HasPrefix(strings.Join(words, " ")+" ", fmt.Sprintf(header, remote)+" ") {
			return nil
		}
	}
	return &ValueError{What: "header", Text: string(line), Problem: "not that of net/tcp or net/tcp6"}
}
