package text

import (
	"unicode/utf16"
	"unicode/utf8"
)

// AppendJSON appends s as a JSON string with its quotes. In addition to what
// JSON requires, it escapes every character that [Escape] escapes, because people
// read JSON on terminals too. The bytes are those of encoding/json
// without escapes for HTML, after [AppendJSONDocument]: a byte that is not
// UTF-8 becomes \ufffd.
func AppendJSON(b []byte, s string) []byte {
	return append(AppendJSONInner(append(b, '"'), s), '"')
}

// AppendJSONInner appends s like AppendJSON, but without the quotes, for a
// string that is built from several parts.
func AppendJSONInner(b []byte, s string) []byte {
	for {
		n := 0
		for n < len(s) && s[n] >= ' ' && s[n] <= '~' && s[n] != '"' && s[n] != '\\' {
			n++
		}
		b = append(b, s[:n]...)
		if s = s[n:]; s == "" {
			return b
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\b':
			b = append(b, `\b`...)
		case r == '\f':
			b = append(b, `\f`...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == utf8.RuneError && size == 1:
			b = append(b, `\ufffd`...)
		default:
			b = appendJSONRune(b, r)
		}
		s = s[size:]
	}
}

// AppendJSONDocument appends a document from encoding/json, and escapes every
// character that [Escape] escapes. In a valid document such a character is always
// inside a string, where the escape has the same meaning.
func AppendJSONDocument(b, document []byte) []byte {
	for len(document) > 0 {
		if c := document[0]; c < utf8.RuneSelf && c != 0x7f {
			b, document = append(b, c), document[1:] // encoding/json has escaped the other control characters
			continue
		}
		r, size := utf8.DecodeRune(document)
		b, document = appendJSONRune(b, r), document[size:]
	}
	return b
}

// appendJSONRune appends a character, or its escape if it is not visible.
func appendJSONRune(b []byte, r rune) []byte {
	switch {
	case isVisible(r):
		return utf8.AppendRune(b, r)
	case r <= 0xffff:
		return appendHex(append(b, `\u`...), uint32(r), 4)
	}
	high, low := utf16.EncodeRune(r)
	b = appendHex(append(b, `\u`...), uint32(high), 4)
	return appendHex(append(b, `\u`...), uint32(low), 4)
}
