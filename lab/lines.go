package lab

import (
	"bytes"
	"encoding/json"
	"io"
	"net/netip"

	"tcpstate/lab/segment"
	"tcpstate/tcp"
	"tcpstate/text"
)

// Lines writes a run as JSON, one event a line: the kind "lab" of the schema
// tcpstate/v1, which docs/json.md describes. Texts are in English.
type Lines struct{ W io.Writer }

type beginLine struct {
	Schema string              `json:"schema"`
	Kind   string              `json:"kind"`
	Event  string              `json:"event"`
	Scene  string              `json:"scene"`
	Title  string              `json:"title"`
	Fast   bool                `json:"fast"`
	Delay  int64               `json:"delay_us"`
	Hosts  map[string]hostLine `json:"hosts"`
}

type hostLine struct {
	Address netip.Addr `json:"address"`
}

type stepLine struct {
	Event   string       `json:"event"`
	At      int64        `json:"at_us"`
	Host    string       `json:"host,omitempty"`
	Text    string       `json:"text,omitempty"`
	Want    *tcp.State   `json:"want,omitempty"`
	Call    string       `json:"call,omitempty"`
	Result  string       `json:"result,omitempty"`
	From    *tcp.State   `json:"from,omitempty"`
	To      *tcp.State   `json:"to,omitempty"`
	Socket  *socketLine  `json:"socket,omitempty"`
	Segment *segmentLine `json:"segment,omitempty"`
	Fate    string       `json:"fate,omitempty"`
	Name    string       `json:"name,omitempty"`
	Delta   int64        `json:"delta,omitempty"`
	Value   string       `json:"value,omitempty"`
}

type addressLine struct {
	Address netip.Addr `json:"address"`
	Port    uint16     `json:"port"`
}

type timerLine struct {
	Kind        tcp.TimerKind `json:"kind"`
	Expires     *int64        `json:"expires_ms,omitempty"`
	Retransmits *uint8        `json:"retransmits,omitempty"`
}

type socketLine struct {
	State       tcp.State   `json:"state"`
	Local       addressLine `json:"local"`
	Peer        addressLine `json:"peer"`
	AcceptQueue *uint32     `json:"accept_queue,omitempty"`
	AcceptMax   *uint32     `json:"accept_queue_max,omitempty"`
	RecvQueue   *uint32     `json:"recv_q_bytes,omitempty"`
	SendQueue   *uint32     `json:"send_q_bytes,omitempty"`
	Cookie      tcp.Cookie  `json:"cookie"`
	Timer       timerLine   `json:"timer"`
}

type segmentLine struct {
	Source      addressLine `json:"source"`
	Destination addressLine `json:"destination"`
	Flags       []string    `json:"flags"`
	Seq         uint32      `json:"seq"`
	Ack         *uint32     `json:"ack,omitempty"`
	RelativeSeq uint32      `json:"relative_seq"`
	RelativeAck *uint32     `json:"relative_ack,omitempty"`
	Window      uint16      `json:"window"`
	Payload     int         `json:"payload_bytes"`
	MSS         uint16      `json:"mss_bytes,omitempty"`
	WindowScale *int        `json:"window_scale,omitempty"`
	SACK        bool        `json:"sack_permitted,omitempty"`
	Timestamp   *uint32     `json:"timestamp,omitempty"`
	Echo        *uint32     `json:"timestamp_echo,omitempty"`
}

// Begin writes the first line.
func (l *Lines) Begin(scene *Scene, fast bool) error {
	return l.write(beginLine{Schema: "tcpstate/v1", Kind: "lab", Event: "begin", Scene: scene.Name, Title: scene.Title().String(), Fast: fast,
		Delay: Delay.Microseconds(), Hosts: map[string]hostLine{Here.String(): {HereAddr}, There.String(): {ThereAddr}}})
}

// Step writes a step.
func (l *Lines) Step(step Step) error {
	line := stepLine{Event: step.Kind.String(), At: step.At.Microseconds(), Host: step.Host.String(), Text: step.Text.String(),
		Want: known(step.Want), Call: step.Call, Result: step.Result, From: known(step.From), To: known(step.To), Name: step.Name,
		Delta: step.Delta, Value: step.Value}
	if step.Socket != nil {
		line.Socket = lineOf(step.Socket)
	}
	if step.Segment != nil {
		line.Segment, line.Fate = segmentOf(step), step.Fate.String()
	}
	return l.write(line)
}

// End writes the last line.
func (l *Lines) End(last Step) error {
	return l.write(stepLine{Event: "end", At: last.At.Microseconds()})
}

func (l *Lines) write(line any) error {
	var document bytes.Buffer
	encoder := json.NewEncoder(&document)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		return err
	}
	_, err := l.W.Write(text.AppendJSONDocument(nil, document.Bytes()))
	return err
}

func known(s tcp.State) *tcp.State {
	if s == 0 {
		return nil
	}
	return &s
}

func addressOf(a netip.AddrPort) addressLine { return addressLine{a.Addr(), a.Port()} }

func lineOf(k *tcp.Socket) *socketLine {
	line := &socketLine{State: k.State, Local: addressOf(k.Local), Peer: addressOf(k.Peer), Cookie: k.Cookie, Timer: timerLine{Kind: k.Timer.Kind}}
	if k.State == tcp.Listen {
		line.AcceptQueue = &k.AcceptQueue
		if most, ok := k.AcceptQueueMax.Get(); ok {
			line.AcceptMax = &most
		}
	} else {
		line.RecvQueue, line.SendQueue = &k.RecvQueue, &k.SendQueue
	}
	if k.Timer.Kind != tcp.TimerOff {
		left := k.Timer.Expires.Milliseconds()
		line.Timer.Expires, line.Timer.Retransmits = &left, &k.Timer.Retransmits
	}
	return line
}

func segmentOf(step Step) *segmentLine {
	g := step.Segment
	options := segment.ParseOptions(g.Options)
	line := &segmentLine{Source: addressOf(g.Src), Destination: addressOf(g.Dst), Flags: g.Flags.Names(), Seq: g.Seq, RelativeSeq: step.Seq,
		Window: g.Window, Payload: len(g.Payload), MSS: options.MSS, SACK: options.SACKPermitted}
	if g.Flags&ackBit != 0 {
		line.Ack, line.RelativeAck = &g.Ack, &step.Ack
	}
	if options.WindowScale >= 0 {
		line.WindowScale = &options.WindowScale
	}
	if options.Timestamps {
		line.Timestamp, line.Echo = &options.Value, &options.Echo
	}
	return line
}
