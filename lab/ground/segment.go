package ground

import "tcpstate/lab/segment"

// Segment is one TCP segment with its source and destination.
type Segment = segment.Segment

// Flags are the control bits of a TCP segment.
type Flags = segment.Flags

// The control bits.
const (
	FIN = segment.FIN
	SYN = segment.SYN
	RST = segment.RST
	PSH = segment.PSH
	ACK = segment.ACK
	URG = segment.URG
	ECE = segment.ECE
	CWR = segment.CWR
)
