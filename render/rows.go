package render

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
)

// rows keeps encoded rows in the order of their sort keys. A row costs its own
// bytes, its key's, and some twenty more; nothing of it is an object to the
// garbage collector, and chunks are never copied to make room.
type rows struct {
	limit    int // keep only the first; 0: all
	chunks   [][]byte
	order    []rowRef
	longKeys bool // some keys do not fit a rowRef
}

// rowRef is where a row lies, with the beginning of its key: most comparisons
// then need not go and look at the key, which in a large table is the cost of
// sorting.
type rowRef struct {
	head  uint64 // the first eight bytes of the key, zeros after a shorter one
	place uint64 // the index of the chunk, and the offset in it in the low 32 bits
}

// chunkSize is small beside what a large table takes, and many rows.
const chunkSize = 256 << 10

// add keeps a copy of the row. With a limit, it drops what cannot be among the
// first any more, whenever there are twice as many as can be.
func (r *rows) add(key, row []byte) {
	r.push(key, row)
	if r.limit > 0 && len(r.order) >= 2*max(r.limit, 512) {
		r.prune()
	}
}

func (r *rows) push(key, row []byte) {
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

// at returns the key and the row.
func (r *rows) at(ref rowRef) (key, row []byte) {
	key, rest := cutSized(r.chunks[ref.place>>32][uint32(ref.place):])
	row, _ = cutSized(rest)
	return key, row
}

// cutSized cuts a piece that its length stands before.
func cutSized(b []byte) (piece, rest []byte) {
	size, width := binary.Uvarint(b)
	end := width + int(size)
	return b[width:end], b[end:]
}

// sort brings the rows into order, and forgets those past the limit. Of equal
// keys the one that came first lies first, so its place decides. No key begins
// another, so keys that fit their heads are equal where those are.
func (r *rows) sort() {
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

// prune keeps the first rows alone, in new chunks.
func (r *rows) prune() {
	r.sort()
	old := *r
	r.chunks, r.order = nil, make([]rowRef, 0, cap(old.order))
	for _, ref := range old.order {
		r.push(old.at(ref))
	}
}

// sorted yields the rows in order. They are valid until the next row is added.
func (r *rows) sorted() iter.Seq[[]byte] {
	r.sort()
	return func(yield func([]byte) bool) {
		for _, ref := range r.order {
			if _, row := r.at(ref); !yield(row) {
				return
			}
		}
	}
}
