package batch

import "unsafe"

// poisonByte fills the buffers that nobody may read any more.
const poisonByte = 0xDB

// poison overwrites records: with a pattern where that is safe, else with zeros.
func poison[D any](records []D, pointers bool) {
	if pointers {
		clear(records)
		return
	}
	var d D
	size := int(unsafe.Sizeof(d)) * len(records)
	if size == 0 {
		return
	}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(records))), size)
	for i := range bytes {
		bytes[i] = poisonByte
	}
}
