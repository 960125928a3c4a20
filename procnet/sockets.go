package procnet

import (
	"bufio"
	"encoding/binary"
	"errors"
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
//
// A line that cannot be parsed yields an error without its File, and the sockets of
// the next lines follow. The kernel writes no such line, but a file that was copied
// may have some. Any other error is the last value: one of r, a first line that is
// no header, a line without end, or too many errors.
func parseSockets(r io.Reader, family tcp.Family, order binary.ByteOrder) iter.Seq2[*tcp.Socket, *ReadError] {
	return func(yield func(*tcp.Socket, *ReadError) bool) {
		lines := bufio.NewReaderSize(r, longestLine)
		parser := lineParser{family: family, order: order}
		wrong := 0
		for number := 1; ; number++ {
			line, err := nextLine(lines)
			if err == io.EOF && number > 1 {
				return
			}
			last := err != nil
			switch {
			case err == io.EOF:
				err = parseHeader(nil) // an empty file
			case err == errLongLine:
				err = &ValueError{What: "line", Text: string(line), Problem: "too long"}
				last = skipLine(lines) != nil
			case err != nil:
			case number == 1:
				err = parseHeader(line)
			default:
				err = parser.parse(line)
			}
			if err == nil {
				if number > 1 && !yield(&parser.socket, nil) {
					return
				}
				continue
			}
			wrong++
			last = last || number == 1 || wrong == mostWrongLines
			if !yield(nil, &ReadError{Line: number, Err: err, More: !last}) || last {
				return
			}
		}
	}
}

// mostWrongLines is after how many lines that cannot be parsed a file is given up.
const mostWrongLines = 10_000

// errLongLine reports that a line does not fit the buffer.
var errLongLine = errors.New("line too long")

// nextLine returns the next line without its newline. The line is valid until
// the next call. The last line may lack a newline. After it, nextLine returns
// io.EOF. Of a line that is too long it returns the beginning and errLongLine.
func nextLine(lines *bufio.Reader) ([]byte, error) {
	line, err := lines.ReadSlice('\n')
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case err == io.EOF && len(line) > 0:
		return line, nil
	case err == bufio.ErrBufferFull:
		return line, errLongLine
	}
	return nil, cause(err)
}

// skipLine reads to the end of a line that is too long. A line without end, as a
// device may give, is an error.
func skipLine(lines *bufio.Reader) error {
	for range 64 {
		if _, err := lines.ReadSlice('\n'); err != bufio.ErrBufferFull {
			return nil // the end of the line or of the file; the next read returns any other error
		}
	}
	return errLongLine
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
