package tcp

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Kind says what a frame is.
type Kind uint8

// The kinds of frames. Data has a lane of its own; all others go before it.
const (
	Data     Kind = iota + 1 // records
	Progress                 // what was done; from Send, or pulled
	Credit                   // how much more may be sent
	Ask                      // a sender waits for credit
	Plan                     // what a dataflow looks like; agreed on before its data
)

// What connections say of themselves, in the control lane.
const (
	heartbeat Kind = iota + 16 // nothing to say
	joined                     // the sender is connected to everybody
	bye                        // the sender has sent all that it will send
	abort                      // the sender has failed: 4 bytes of who failed first, then why
)

const lastUser = Plan

func (k Kind) String() string {
	switch k {
	case Data:
		return "data"
	case Progress:
		return "progress"
	case Credit:
		return "credit"
	case Ask:
		return "ask"
	case Plan:
		return "plan"
	case heartbeat:
		return "heartbeat"
	case joined:
		return "joined"
	case bye:
		return "bye"
	case abort:
		return "abort"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// lane returns in which of the two lanes frames of this kind travel.
func (k Kind) lane() int {
	if k == Data {
		return dataLane
	}
	return controlLane
}

const (
	controlLane = iota
	dataLane
	lanes
)

const (
	headerSize = 32
	maxPiece   = 128 << 10 // bytes of a frame's payload; a longer message is cut
	align      = 8         // frames, and so their payloads, begin at multiples of it

	flagMore = 1 // the message goes on in the next frame of its lane
)

// header is what comes before each payload.
type header struct {
	length            uint32 // of the payload, without the zeros that pad it
	kind              Kind
	flags             uint8
	channel, from, to uint32
	sum               uint32 // CRC32C of the payload and its padding; 0 within TLS
	seq               uint32 // of the frame, in its direction of its connection
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// padding returns how many zeros follow a payload.
func padding(length int) int { return -length & (align - 1) }

func (h *header) appendTo(b []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, h.length)
	b = append(b, byte(h.kind), h.flags, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, h.channel)
	b = binary.LittleEndian.AppendUint32(b, h.from)
	b = binary.LittleEndian.AppendUint32(b, h.to)
	b = binary.LittleEndian.AppendUint32(b, h.sum)
	b = binary.LittleEndian.AppendUint32(b, h.seq)
	return binary.LittleEndian.AppendUint32(b, checksum(b[start:]))
}

// parseHeader reads and judges a header by itself. The length it returns is one
// that may be allocated. A header has a checksum of its own, so that nobody waits
// for the bytes of a length that was never sent.
func parseHeader(b []byte) (h header, wrong string) {
	_ = b[headerSize-1]
	h = header{
		length:  binary.LittleEndian.Uint32(b),
		kind:    Kind(b[4]),
		flags:   b[5],
		channel: binary.LittleEndian.Uint32(b[8:]),
		from:    binary.LittleEndian.Uint32(b[12:]),
		to:      binary.LittleEndian.Uint32(b[16:]),
		sum:     binary.LittleEndian.Uint32(b[20:]),
		seq:     binary.LittleEndian.Uint32(b[24:]),
	}
	switch {
	case h.length > maxPiece:
		return h, fmt.Sprintf("it claims %d bytes; at most %d", h.length, maxPiece)
	case binary.LittleEndian.Uint32(b[28:]) != checksum(b[:28]):
		return h, "the header's checksum is wrong"
	case !h.kind.known():
		return h, "it is of unknown " + h.kind.String()
	case h.flags&^flagMore != 0 || b[6] != 0 || b[7] != 0:
		return h, "unknown flags"
	case h.flags&flagMore != 0 && (h.kind > lastUser || h.length != maxPiece):
		return h, "it goes on in another, which it may not"
	case h.kind > lastUser && h.kind != abort && h.length != 0:
		return h, h.kind.String() + " with a payload"
	}
	return h, ""
}

func (k Kind) known() bool {
	return k >= Data && k <= lastUser || k >= heartbeat && k <= abort
}
