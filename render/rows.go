package render

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
)

// sortedRows keeps encoded rows and sorts them by their keys. A row takes its own
// bytes, those of its key, and about twenty more. No row is a separate object
// for the garbage collector, and chunks are never copied to make room.
type sortedRows struct {
	limit    int // the maximum number of rows to keep, the first in order; 0: all
	chunks   [][]byte
	order    []rowRef
	longKeys bool // some keys do not fit a rowRef
}

// rowRef is the place of a row and the beginning of its key. With it, most
// comparisons need not read the key itself, which would take most of the time
// to sort a large table.
type rowRef struct {
	head  uint64 // the first eight bytes of the key, zeros after a shorter one
	place uint64 // the index of the chunk, and the offset in it in the low 32 bits
}

// chunkSize is small compared with a large table, and large compared with a
// row.
const chunkSize = 256 << 10

// add keeps a copy of the row. With a limit, add removes the rows after the
// limit each time there are twice as many rows as the limit.
func (r *sortedRows) add(key, row []byte) {
	r.push(key, row)
	if r.limit > 0 && len(r.order) >= 2*max(r.limit, 512) {
		r.prune()
	}
}

func (r *sortedRows) push(key, row []byte) {
	need := len(key) + len(row) + 2*binary.MaxVarintLen64
	last := len(r.chunks) - 1
	if last < 0 || cap(r.chunks[last])-len(r.chunks[last]) < need {
		r.chunks = append(r.chunks, make([]byte, 0, max(chunkSize, need)))
		last++
	}
	chunk := r.chunks[last]
	var head [8]byte
	if copy(head[:], key) < len(key) {
		r.longKeys = true
	}
	r.order = append(r.order, rowRef{
		head:  binary.BigEndian.Uint64(head[:]),
		place: uint64(last)<<32 | uint64(len(chunk)),
	})
	chunk = append(binary.AppendUvarint(chunk, uint64(len(key))), key...)
	chunk = append(binary.AppendUvarint(chunk, uint64(len(row))), row...)
	r.chunks[last] = chunk
}

// at returns the key and the bytes of a row.
func (r *sortedRows) at(ref rowRef) (key, row []byte) {
	key, rest := cutSized(r.chunks[ref.place>>32][uint32(ref.place):])
	row, _ = cutSized(rest)
	return key, row
}

// cutSized cuts a piece from b that begins with its length.
func cutSized(b []byte) (piece, rest []byte) {
	size, width := binary.Uvarint(b)
	end := width + int(size)
	return b[width:end], b[end:]
}

// sort sorts the rows, and removes those after the limit. Rows with equal keys
// keep their order, which their places show. No key is the beginning of another
// key, so keys that fit in a head are equal if their heads are.
func (r *sortedRows) sort() {
	slices.SortFunc(r.order, func(a, b rowRef) int {
		if c := cmp.Compare(a.head, b.head); c != 0 {
			return c
		}
		if r.longKeys {
			keyA, _ := r.at(a)
			keyB, _ := r.at(b)
			if c := bytes.Compare(keyA, keyB); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.place, b.place)
	})
	if r.limit > 0 && len(r.order) > r.limit {
		r.order = r.order[:r.limit]
	}
}

// prune keeps only the first rows, in new chunks.
func (r *sortedRows) prune() {
	r.sort()
	old := *r
	r.chunks, r.order = nil, make([]rowRef, 0, cap(old.order))
	for _, ref := range old.order {
		r.push(old.at(ref))
	}
}

// sorted yields the rows in order. They are valid until the next row is added.
func (r *sortedRows) sorted() iter.Seq[[]byte] {
	r.sort()
	return func(yield func([]byte) bool) {
		for _, ref := range r.order {
			if _, row := r.at(ref); !yield(row) {
				return
			}
		}
	}
}
