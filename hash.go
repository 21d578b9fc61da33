package timely

import "github.com/zeebo/xxh3"

// HashString hashes a string, alike in every process.
func HashString(s string) uint64 { return xxh3.HashString(s) }

// HashBytes hashes bytes, alike in every process.
func HashBytes(b []byte) uint64 { return xxh3.Hash(b) }

// HashUint64 spreads a number over all bits, alike in every process: the finalizer
// of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
// Generators", OOPSLA 2014), a bijection.
func HashUint64(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
