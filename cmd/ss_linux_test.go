package cmd

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// ssSocket is what ss prints about one socket, with the names of our JSON.
type ssSocket struct {
	words   map[string]string // strings, and booleans as "true"
	figures map[string]span   // numbers that change only if something happens
	clocks  map[string]span   // numbers that change all the time
	sendBPS span              // what ss computes from other figures
}

// span is the range of values that a printed number may stand for, both ends
// included.
type span struct{ least, most float64 }

func exactly(v float64) span { return span{v, v} }

// general returns the span of a number that ss printed by %g, with six digits. One
// unit of ss is scale of our units.
func general(v, scale float64) span {
	slack := v * 5e-6
	return span{(v - slack) * scale, (v + slack) * scale}
}

// runSS returns the sockets that ss lists, by cookie.
func runSS(t *testing.T) map[string]*ssSocket {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ss", "-tanoeimHO", "--tos", "--inet-sockopt")
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("ss: %v", err)
	}
	sockets := map[string]*ssSocket{}
	for line := range strings.Lines(string(output)) {
		s, err := parseSS(line)
		if err != nil {
			t.Fatalf("ss prints %q: %v", line, err)
		}
		if sockets[s.words["cookie"]] != nil {
			t.Fatalf("ss lists cookie %s twice", s.words["cookie"])
		}
		sockets[s.words["cookie"]] = s
	}
	return sockets
}

// ssStates maps the names of states in ss (sstate_name, misc/ss.c) to ours.
var ssStates = map[string]string{
	"LISTEN": "LISTEN", "SYN-SENT": "SYN_SENT", "SYN-RECV": "SYN_RECV", "ESTAB": "ESTABLISHED",
	"FIN-WAIT-1": "FIN_WAIT1", "FIN-WAIT-2": "FIN_WAIT2", "CLOSING": "CLOSING", "TIME-WAIT": "TIME_WAIT",
	"CLOSE-WAIT": "CLOSE_WAIT", "LAST-ACK": "LAST_ACK", "UNCONN": "CLOSE",
}

// ssCounts are the keys of ss that are followed by an integer, with the names of our
// JSON.
var ssCounts = map[string]string{
	"uid": "uid", "ino": "inode",
	"backoff": "tcp_info.backoff", "mss": "tcp_info.snd_mss_bytes", "pmtu": "tcp_info.pmtu_bytes",
	"rcvmss": "tcp_info.rcv_mss_bytes", "advmss": "tcp_info.advmss_bytes", "cwnd": "tcp_info.cwnd",
	"ssthresh": "tcp_info.snd_ssthresh", "bytes_sent": "tcp_info.sent_bytes", "bytes_retrans": "tcp_info.retrans_bytes",
	"bytes_acked": "tcp_info.acked_bytes", "bytes_received": "tcp_info.received_bytes", "segs_out": "tcp_info.segs_out",
	"segs_in": "tcp_info.segs_in", "data_segs_out": "tcp_info.data_segs_out", "data_segs_in": "tcp_info.data_segs_in",
	"delivered": "tcp_info.delivered", "delivered_ce": "tcp_info.delivered_ce", "unacked": "tcp_info.unacked",
	"lost": "tcp_info.lost", "sacked": "tcp_info.sacked", "dsack_dups": "tcp_info.dsack_dups", "fackets": "tcp_info.fackets",
	"reordering": "tcp_info.reordering", "reord_seen": "tcp_info.reord_seen", "rcv_space": "tcp_info.rcv_space_bytes",
	"rcv_ssthresh": "tcp_info.rcv_ssthresh_bytes", "notsent": "tcp_info.notsent_bytes", "rcv_ooopack": "tcp_info.rcv_ooopack",
	"snd_wnd": "tcp_info.snd_wnd_bytes",
}

// ssMilliseconds are the keys that are followed by milliseconds with a fraction.
var ssMilliseconds = map[string]string{
	"rto": "tcp_info.rto_us", "ato": "tcp_info.ato_us", "rcv_rtt": "tcp_info.rcv_rtt_us", "minrtt": "tcp_info.min_rtt_us",
}

// ssClocks are the keys that are followed by the milliseconds of a running clock.
var ssClocks = map[string]string{
	"lastsnd": "tcp_info.last_data_sent_ms", "lastrcv": "tcp_info.last_data_recv_ms", "lastack": "tcp_info.last_ack_recv_ms",
}

// ssBusy are the keys that are followed by milliseconds which ss has rounded down.
// Our unit is microseconds.
var ssBusy = map[string]string{
	"busy": "tcp_info.busy_us", "rwnd_limited": "tcp_info.rwnd_limited_us", "sndbuf_limited": "tcp_info.sndbuf_limited_us",
}

// ssOptions are the words of ss for the TCP options that both ends agreed on.
var ssOptions = map[string]string{"ts": "timestamps", "sack": "sack", "ecn": "ecn", "ecnseen": "ecn_seen", "fastopen": "syn_data"}

// ssShutdown has the arrows by which ss shows the directions that are shut down.
var ssShutdown = map[string]string{"<->": "none", "-->": "receive", "<--": "send", "---": "both"}

// ssMemory are the letters of skmem, in the order of ss (print_skmeminfo).
var ssMemory = []struct{ letters, name string }{
	{"r", "memory.recv_alloc_bytes"}, {"rb", "memory.recv_buffer_bytes"}, {"t", "memory.send_alloc_bytes"},
	{"tb", "memory.send_buffer_bytes"}, {"f", "memory.forward_alloc_bytes"}, {"w", "memory.send_queued_bytes"},
	{"o", "memory.option_bytes"}, {"bl", "memory.backlog_bytes"}, {"d", "memory.drops"},
}

// parseSS parses one line of ss -tanoeimHO --tos --inet-sockopt of iproute2 6.1
// (inet_show_sock and tcp_stats_print, misc/ss.c). An unknown word is an error, so
// that nothing in the output of ss remains unchecked.
func parseSS(line string) (*ssSocket, error) {
	fields := strings.Fields(line)
	if len(fields) < 5 {
		return nil, fmt.Errorf("only %d words", len(fields))
	}
	state, ok := ssStates[fields[0]]
	if !ok {
		return nil, fmt.Errorf("unknown state %q", fields[0])
	}
	s := &ssSocket{words: map[string]string{"state": state, "timer.kind": "off"}, figures: map[string]span{}, clocks: map[string]span{}}
	queues := []string{"recv_q_bytes", "send_q_bytes"}
	if state == "LISTEN" {
		queues = []string{"accept_queue", "accept_queue_max"}
	}
	for i, name := range queues {
		if err := s.count(name, fields[1+i]); err != nil {
			return nil, err
		}
	}
	if err := s.parseEnds(fields[3], fields[4]); err != nil {
		return nil, err
	}
	var options []string
	for rest := fields[5:]; len(rest) > 0; {
		used, err := s.parseWord(rest, &options)
		if err != nil {
			return nil, fmt.Errorf("at %q: %w", rest[0], err)
		}
		rest = rest[used:]
	}
	if s.words["congestion"] != "" && state != "LISTEN" { // then ss also printed tcp_info
		slices.Sort(options)
		s.words["tcp_info.options"] = strings.Join(options, " ")
	}
	if s.words["cookie"] == "" {
		return nil, fmt.Errorf("no cookie")
	}
	return s, nil
}

// parseEnds parses the two addresses. If the socket is bound to an interface, ss
// writes it after the local address. ss writes "*" for :: on a socket that also
// accepts IPv4.
func (s *ssSocket) parseEnds(local, peer string) error {
	zone := ""
	s.words["family"] = "ipv4"
	for _, end := range []struct{ name, text string }{{"local", local}, {"peer", peer}} {
		colon := strings.LastIndexByte(end.text, ':')
		if colon < 0 {
			return fmt.Errorf("address %q has no port", end.text)
		}
		host, port := end.text[:colon], end.text[colon+1:]
		if percent := strings.IndexByte(host, '%'); percent >= 0 {
			host, zone = host[:percent], host[percent+1:]
			s.words["interface"] = zone
		}
		if host == "*" {
			host = "[::]"
		}
		if strings.HasPrefix(host, "[") {
			s.words["family"] = "ipv6"
		}
		address, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil {
			return err
		}
		if address.Is6() && address.IsLinkLocalUnicast() && zone != "" {
			address = address.WithZone(zone)
		}
		if port == "*" {
			port = "0"
		}
		s.words[end.name+".address"] = address.String()
		if err := s.count(end.name+".port", port); err != nil {
			return err
		}
	}
	return nil
}

// parseWord parses the first word of rest and the following words that belong to it.
// It returns the number of these words.
func (s *ssSocket) parseWord(rest []string, options *[]string) (used int, err error) {
	word := rest[0]
	if option, ok := ssOptions[word]; ok {
		*options = append(*options, option)
		return 1, nil
	}
	if shutdown, ok := ssShutdown[word]; ok {
		s.words["shutdown"] = shutdown
		return 1, nil
	}
	switch word {
	case "app_limited":
		s.words["tcp_info.delivery_rate_app_limited"] = "true"
		return 1, nil
	case "send", "pacing_rate", "delivery_rate":
		if len(rest) < 2 {
			return 0, fmt.Errorf("no rate follows")
		}
		return 2, s.parseRate(word, rest[1])
	case "inet-sockopt:":
		return s.parseSocketOptions(rest)
	}
	key, value, found := strings.Cut(word, ":")
	if !found {
		if s.words["congestion"] == "" && isCongestionControl(word) {
			s.words["congestion"] = word
			return 1, nil
		}
		return 0, fmt.Errorf("unknown word")
	}
	if key == "wscale" {
		*options = append(*options, "wscale")
	}
	return 1, s.parsePair(key, value)
}

// parsePair parses the value of a key.
func (s *ssSocket) parsePair(key, value string) error {
	if name, ok := ssCounts[key]; ok {
		if s.words["state"] == "LISTEN" && key == "unacked" {
			name = "accept_queue" // for a listener, tcp_get_info has it in this field
		}
		return s.count(name, value)
	}
	if name, ok := ssMilliseconds[key]; ok {
		return s.measure(name, value, 1000)
	}
	if name, ok := ssClocks[key]; ok {
		v, err := strconv.ParseFloat(value, 64)
		s.clocks[name] = exactly(v)
		return err
	}
	if name, ok := ssBusy[key]; ok {
		text, _, found := strings.Cut(value, "ms")
		v, err := strconv.ParseFloat(text, 64)
		if !found || err != nil {
			return fmt.Errorf("not milliseconds: %v", err)
		}
		s.clocks[name] = span{v * 1000, v*1000 + 999}
		return nil
	}
	switch key {
	case "sk":
		s.words["cookie"] = "0x" + value
		return nil
	case "timer":
		return s.parseTimer(value)
	case "cgroup":
		return s.parseCgroup(value)
	case "v6only":
		s.words["v6only"] = strconv.FormatBool(value == "1")
		return nil
	case "fwmark":
		return s.hexadecimal("mark", value)
	case "tos":
		return s.hexadecimal("tos", value)
	case "tclass":
		return s.hexadecimal("traffic_class", value)
	case "class_id":
		return s.hexadecimal("class_id", value)
	case "skmem":
		return s.parseMemory(value)
	case "rtt":
		rtt, variation, _ := strings.Cut(value, "/")
		if err := s.measure("tcp_info.rtt_us", rtt, 1000); err != nil {
			return err
		}
		return s.measure("tcp_info.rttvar_us", variation, 1000)
	case "wscale":
		send, receive, _ := strings.Cut(value, ",")
		if err := s.count("tcp_info.snd_wscale", send); err != nil {
			return err
		}
		return s.count("tcp_info.rcv_wscale", receive)
	case "retrans":
		now, total, _ := strings.Cut(value, "/")
		if err := s.count("tcp_info.retrans", now); err != nil {
			return err
		}
		return s.count("tcp_info.total_retrans", total)
	case "bbr":
		return s.parseBBR(value)
	case "dctcp":
		return s.parseDCTCP(value)
	}
	return fmt.Errorf("unknown key %q", key)
}

func (s *ssSocket) count(name, value string) error {
	v, err := strconv.ParseUint(value, 10, 64)
	s.figures[name] = exactly(float64(v))
	return err
}

func (s *ssSocket) hexadecimal(name, value string) error {
	v, err := strconv.ParseUint(value, 0, 64)
	s.figures[name] = exactly(float64(v))
	return err
}

func (s *ssSocket) measure(name, value string, scale float64) error {
	v, err := strconv.ParseFloat(value, 64)
	s.figures[name] = general(v, scale)
	return err
}

// inParentheses returns the parts of "(a,b,c)".
func inParentheses(value string) ([]string, error) {
	inner, ok := strings.CutPrefix(value, "(")
	if !ok || !strings.HasSuffix(inner, ")") {
		return nil, fmt.Errorf("%q is not in parentheses", value)
	}
	return strings.Split(strings.TrimSuffix(inner, ")"), ","), nil
}

func (s *ssSocket) parseMemory(value string) error {
	parts, err := inParentheses(value)
	if err != nil || len(parts) != len(ssMemory) {
		return fmt.Errorf("%d parts: %v", len(parts), err)
	}
	for i, field := range ssMemory {
		number, ok := strings.CutPrefix(parts[i], field.letters)
		if !ok {
			return fmt.Errorf("%q is not %s", parts[i], field.letters)
		}
		if err := s.count(field.name, number); err != nil {
			return err
		}
	}
	return nil
}

func (s *ssSocket) parseTimer(value string) error {
	parts, err := inParentheses(value)
	if err != nil || len(parts) != 3 {
		return fmt.Errorf("%d parts: %v", len(parts), err)
	}
	s.words["timer.kind"] = parts[0]
	if s.clocks["timer.expires_ms"], err = parseSSTime(parts[1]); err != nil {
		return err
	}
	return s.count("timer.retransmits", parts[2])
}

// parseSSTime parses the output of print_ms_timer (misc/ss.c): "1.824ms" is 1 s and
// 824 ms. ss omits milliseconds from 10 s on, and seconds from 10 minutes on.
func parseSSTime(text string) (span, error) {
	if text == "" {
		return exactly(0), nil // ss writes nothing for less than a millisecond
	}
	total, unit, rest := 0.0, 0.0, text
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		v, err := strconv.ParseFloat(rest[:digits], 64)
		if err != nil {
			return span{}, err
		}
		rest = rest[digits:]
		switch {
		case strings.HasPrefix(rest, "min"):
			total, unit, rest = total+v*60_000, 60_000, rest[3:]
			if v < 10 {
				unit = 1000
			}
		case strings.HasPrefix(rest, "sec"):
			total, rest = total+v*1000, rest[3:]
			if unit == 0 && v < 10 {
				unit = 1
			} else {
				unit = 1000
			}
		case strings.HasPrefix(rest, "ms"):
			total, unit, rest = total+v, 1, rest[2:]
		case strings.HasPrefix(rest, "."):
			total, rest = total+v*1000, rest[1:]
		default:
			return span{}, fmt.Errorf("unknown time %q", text)
		}
	}
	return span{total, total + unit - 1}, nil
}

func (s *ssSocket) parseRate(key, text string) error {
	rate, limit, limited := strings.Cut(text, "/")
	parse := func(text string) (float64, error) {
		return strconv.ParseFloat(strings.TrimSuffix(text, "bps"), 64)
	}
	bits, err := parse(rate)
	if err != nil {
		return err
	}
	switch key {
	case "send":
		s.sendBPS = span{bits - 1, bits + 1}
		return nil
	case "delivery_rate":
		s.figures["tcp_info.delivery_rate_bytes_per_sec"] = exactly(bits / 8)
		return nil
	}
	s.figures["tcp_info.pacing_rate_bytes_per_sec"] = exactly(bits / 8)
	if limited {
		most, err := parse(limit)
		s.figures["tcp_info.max_pacing_rate_bytes_per_sec"] = exactly(most / 8)
		return err
	}
	return nil
}

func (s *ssSocket) parseBBR(value string) error {
	parts, err := inParentheses(value)
	if err != nil {
		return err
	}
	for _, name := range []string{"bbr.pacing_gain", "bbr.cwnd_gain"} {
		s.figures[name] = exactly(0) // ss omits it if it is 0
	}
	for _, part := range parts {
		key, text, _ := strings.Cut(part, ":")
		v, err := strconv.ParseFloat(strings.TrimSuffix(text, "bps"), 64)
		if err != nil {
			return err
		}
		switch key {
		case "bw":
			s.figures["bbr.bandwidth_bytes_per_sec"] = exactly(v / 8)
		case "mrtt":
			s.figures["bbr.min_rtt_us"] = general(v, 1000)
		case "pacing_gain", "cwnd_gain":
			s.figures["bbr."+key] = general(v, 256)
		default:
			return fmt.Errorf("unknown part %q", part)
		}
	}
	return nil
}

func (s *ssSocket) parseDCTCP(value string) error {
	if value == "fallback_mode" {
		s.words["dctcp.enabled"] = "false"
		return nil
	}
	s.words["dctcp.enabled"] = "true"
	parts, err := inParentheses(value)
	if err != nil {
		return err
	}
	names := map[string]string{
		"ce_state": "dctcp.ce_state", "alpha": "dctcp.alpha", "ab_ecn": "dctcp.ecn_bytes", "ab_tot": "dctcp.all_bytes",
	}
	for _, part := range parts {
		key, text, _ := strings.Cut(part, ":")
		if names[key] == "" {
			return fmt.Errorf("unknown part %q", part)
		}
		if err := s.count(names[key], text); err != nil {
			return err
		}
	}
	return nil
}

// parseSocketOptions parses "inet-sockopt: ( is_icsk mc_loop)".
func (s *ssSocket) parseSocketOptions(rest []string) (used int, err error) {
	var names []string
	for i, word := range rest[1:] {
		word, last := strings.CutSuffix(strings.TrimPrefix(word, "("), ")")
		switch word {
		case "":
		case "bind_addr_no_port": // our name is that of the constant, which is longer
			names = append(names, "bind_address_no_port")
		default:
			names = append(names, word)
		}
		if last {
			slices.Sort(names)
			s.words["socket_options"] = strings.Join(names, " ")
			return i + 2, nil
		}
	}
	return 0, fmt.Errorf("the closing parenthesis is missing")
}

// parseCgroup parses the path of a cgroup, relative to the mount point of cgroup v2.
// The kernel reports the inode of its directory, which ss prints if it does not find
// the path.
func (s *ssSocket) parseCgroup(value string) error {
	if number, ok := strings.CutPrefix(value, "unreachable:"); ok {
		return s.hexadecimal("cgroup_id", "0x"+number)
	}
	mount, err := cgroupMount()
	if err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(mount, value))
	if err != nil {
		return err
	}
	s.figures["cgroup_id"] = exactly(float64(info.Sys().(*syscall.Stat_t).Ino))
	s.words["cgroup"] = value
	return nil
}

// cgroupMount returns the mount point of cgroup v2.
func cgroupMount() (string, error) {
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[2] == "cgroup2" {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("cgroup v2 is not mounted")
}

// isCongestionControl reports whether a word names a congestion control.
func isCongestionControl(word string) bool {
	names, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
	return err == nil && slices.Contains(strings.Fields(string(names)), word)
}

func TestParseSSRefusesWhatItDoesNotKnow(t *testing.T) {
	const good = "ESTAB 0 0 127.0.0.1:1 127.0.0.1:2 sk:7 <-> cwnd:10 app_limited"
	if _, err := parseSS(good); err != nil {
		t.Fatalf("%q: %v", good, err)
	}
	for _, bad := range []string{
		"ESTAB 0 0 127.0.0.1:1", "OPEN 0 0 127.0.0.1:1 127.0.0.1:2 sk:7", good + " novelty:1", good + " novelty",
		good + " skmem:(r0)", good + " timer:(on,5weeks,0)", good + " bbr:(novelty:1)", strings.Replace(good, "sk:7", "", 1),
		strings.Replace(good, "cwnd:10", "cwnd:ten", 1), strings.Replace(good, "127.0.0.1:1", "127.0.0.1", 1), good + " pacing_rate",
		good + " inet-sockopt: ( is_icsk",
	} {
		if s, err := parseSS(bad); err == nil {
			t.Errorf("%q is parsed as %+v", bad, s)
		}
	}
}

func TestParseSSTime(t *testing.T) {
	tests := []struct {
		text string
		want span
	}{
		{"", span{0, 0}}, {"044ms", span{44, 44}}, {"1.824ms", span{1824, 1824}}, {"5sec", span{5000, 5000}},
		{"59sec", span{59_000, 59_999}}, {"1min59sec", span{119_000, 119_999}}, {"1min", span{60_000, 60_999}},
		{"119min", span{7_140_000, 7_199_999}},
	}
	for _, test := range tests {
		if got, err := parseSSTime(test.text); got != test.want || err != nil {
			t.Errorf("parseSSTime(%q) = %v, %v, want %v", test.text, got, err, test.want)
		}
	}
}
