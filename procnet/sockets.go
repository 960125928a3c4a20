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

// longestLine is the maximum length of a line in bytes, with its newline. The
// kernel's lines are 150 bytes for IPv4 and fewer than 300 for IPv6. One read
// of net/tcp returns at most a page of lines (seq_read_iter, fs/seq_file.c).
const longestLine = 16 << 10

// header is the beginning of the first line. %s is rem_address in net/tcp and
// remote_address in net/tcp6.
const header = "sl local_address %s st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode"

// parseSockets yields the sockets of r, which reads net/tcp or net/tcp6. order
// is the byte order of the host that wrote the file. The Socket is reused.
// parseSockets yields at most one error, as the last value and without its
// File.
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

// nextLine returns the next line without its newline. The line is valid until
// the next call. The last line may lack a newline. After it, nextLine returns
// io.EOF.
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

// parseHeader checks that line names the columns that parse reads. A file with
// another first line is not net/tcp or net/tcp6. More columns may follow.
func parseHeader(line []byte) error {
	words := strings.FieldsFunc(string(line), func(r rune) bool { return r == ' ' })
	for _, remote := range []string{"rem_address", "remote_address"} {
		if strings.HasPrefix(strings.Join(words, " ")+" ", fmt.Sprintf(header, remote)+" ") {
			return nil
		}
	}
	return &ValueError{What: "header", Text: string(line), Problem: "not that of net/tcp or net/tcp6"}
}
