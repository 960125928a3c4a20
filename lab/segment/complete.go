package segment

import "encoding/binary"

// Complete writes the checksum of the TCP header of an IP packet. The kernel
// leaves it to the device, and a veth device leaves it out, but a packet that
// comes from a packet socket must have it. A packet that is not TCP, or that is a
// fragment, stays as it is.
func Complete(packet []byte) {
	if _, err := ParsePacket(packet); err != nil {
		return
	}
	header, addresses := packet[:ip6Header], packet[8:40]
	end := ip6Header
	if packet[0]>>4 == 4 {
		end = int(packet[0]&0xf) * 4
		if binary.BigEndian.Uint16(packet[6:])&0x3fff != 0 {
			return
		}
		header, addresses = packet[:end], packet[12:20]
		packet = packet[:binary.BigEndian.Uint16(packet[2:])]
	} else {
		packet = packet[:ip6Header+int(binary.BigEndian.Uint16(packet[4:]))]
	}
	tcp := packet[len(header):]
	tcp[16], tcp[17] = 0, 0
	binary.BigEndian.PutUint16(tcp[16:], fold(sum(sum(uint32(len(tcp))+protocolTCP, addresses), tcp)))
}
