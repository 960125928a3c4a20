package explain

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcpstate/tcp"
	"tcpstate/wording"
)

func TestMarkdown(t *testing.T) {
	blocks := []Block{
		{Kind: Paragraph, Text: Text{{Plain, "a <b> * "}, {Code, "c`d"}, {Strong, "e"}}},
		{Kind: Steps, Items: []Item{{Text: plain("one"), Lines: []string{"ls *"}}, {Text: plain("two")}}},
		{Kind: Bullets, Items: []Item{{Text: plain("three")}}},
		{Kind: Commands, Lines: []string{"tcpstate ls | head"}},
		{Kind: Table, Table: [][]Text{{plain("a|b"), nil}, {code("c"), plain("d")}}},
	}
	const want = `
a \<b> \* ` + "``c`d``" + `**e**

1. one
   ` + "```text" + `
   ls *
   ` + "```" + `
2. two

- three

` + "```text" + `
tcpstate ls | head
` + "```" + `

| a\|b |  |
|---|---|
| ` + "`c`" + ` | d |
`
	var b strings.Builder
	m := newMarkdown(&b)
	m.blocks(blocks, words{}, 0)
	m.out.Flush()
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// TestLadderDrawing draws a ladder with everything that a ladder may have.
func TestLadderDrawing(t *testing.T) {
	l := &Ladder{Left: "end.one", Right: "end.other", Rungs: []Rung{
		{Left: Side{Does: "connect()", State: tcp.SynSent}, Right: Side{Does: "connect()", State: tcp.SynSent}},
		{Segment: "SYN=1, seq=x", From: Rightwards, Crossed: "SYN=1, seq=y", Left: Side{State: tcp.SynRecv}, Right: Side{State: tcp.SynRecv}},
		{Segment: "ACK=1", From: Leftwards, Left: Side{Does: "accept()", State: tcp.Established}, Right: Side{Does: "ladder.resends"}},
		{Segment: "ACK=1", From: Rightwards, Fate: Lost, Right: Side{None: true}, Note: "ladder.givenup"},
	}}
	const want = `            one end                                          other end
          connect() |                                      | connect()
           SYN_SENT |                                      | SYN_SENT
                    | SYN=1, seq=x                         |
                    |                         SYN=1, seq=y |
                    |-----------------\  /-----------------|
                    |                  XX                  |
         [SYN_RECV] |<----------------/  \---------------->| [SYN_RECV]
                    |                ACK=1                 | resends
           accept() |<-------------------------------------|
        ESTABLISHED |                                      |
                    |                ACK=1                 |
                    |-------------------------x            | (no socket)
                    |            no answer came            |
`
	drawing := trimmed(drawLadder(l, open(t, wording.English).words, tcp.SynRecv, true))
	if diff := cmp.Diff(want, strings.Join(drawing, "\n")+"\n"); diff != "" {
		t.Error(diff)
	}
}
